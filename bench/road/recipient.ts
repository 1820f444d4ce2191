/** The recipient's terminal in a process of its own: opens, verifies and reads whatever arrives, and tells the parent process when it was done with which document. */
import { argv } from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ReceivedSummary, Terminal } from '@postroad/documents/terminal'
import { openTerminal } from '@postroad/bin/demo/people'
import { loadState } from '@postroad/bin/demo/state'

const [, , home = '', person = '', concurrency = '8'] = argv

async function open(terminal: Terminal, row: ReceivedSummary): Promise<void> {
  const opened = await terminal.openReceived(row.message)
  if (opened.verdict !== 'valid') throw new Error(`${row.message}: ${opened.steps.map(({ finding }) => finding).join(' ')}`)
  for (const part of opened.parts) for await (const _ of part.read()) continue
  process.send?.({ opened: row.message, at: Date.now() })
}

const terminal = await openTerminal(home, loadState(home), person)
const seen = new Set<string>()
process.on('disconnect', () => process.exit(0))
process.send?.({ ready: true })

/** The newest first, page after page, as long as a page holds something new: what was opened stays in the list until it is signed for. */
async function look(): Promise<ReceivedSummary[]> {
  const fresh: ReceivedSummary[] = []
  for (let cursor: string | undefined, more = true; more; ) {
    const { items, next } = await terminal.listReceived({ view: 'waiting', limit: 100, ...(cursor === undefined ? {} : { cursor }) })
    const unseen = items.filter(({ message, state }) => state === 'arrived' && !seen.has(message))
    for (const { message } of unseen) seen.add(message)
    fresh.push(...unseen)
    more = unseen.length > 0 && next !== null
    cursor = next ?? undefined
  }
  return fresh
}

for (;;) {
  const fresh = await look()
  const queue = [...fresh]
  await Promise.all(
    Array.from({ length: Number(concurrency) }, async () => {
      for (let row = queue.shift(); row !== undefined; row = queue.shift()) await open(terminal, row)
    }),
  )
  if (fresh.length === 0) await sleep(20)
}
