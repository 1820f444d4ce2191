/** The recipient's terminal in a process of its own: takes in, verifies, acknowledges and reads whatever arrives, and tells the parent process when it was done with which document. */
import { argv } from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { OpenedDocument } from '@postroad/documents/terminal'
import { LARGE_PART_BYTES } from '@postroad/documents/model'
import { openTerminal } from '@postroad/bin/demo/people'
import { loadState } from '@postroad/bin/demo/state'

const [, , home = '', person = ''] = argv
/** Between two looks. A look costs the same whether it finds one document or fifty. */
const PAUSE_MS = 50
const PAGE = 50

async function read({ row, verdict, steps, parts }: OpenedDocument): Promise<void> {
  if (verdict !== 'valid') throw new Error(`${row.message}: ${steps.map(({ finding }) => finding).join(' ')}`)
  for (const part of parts) for await (const _ of part.read()) continue
  process.send?.({ opened: row.message, at: Date.now() })
}

function fail(thrown: unknown): never {
  process.stderr.write(`${String(thrown)}\n`)
  process.exit(1)
}

const terminal = await openTerminal(home, loadState(home), person)
process.on('disconnect', () => process.exit(0))
process.send?.({ ready: true })

for (;;) {
  const { items } = await terminal.collect({ limit: PAGE })
  for (const document of items) {
    const reading = read(document)
    if (document.parts.some(({ bytes }) => bytes > LARGE_PART_BYTES)) reading.catch(fail) // a film is watched while letters are read
    else await reading
  }
  if (items.length < PAGE) await sleep(PAUSE_MS)
}
