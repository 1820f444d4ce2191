import type { Suites } from '@postroad/gm'
import { type DirectoryView, extend, readLogs, signedStatement } from '@postroad/waybill'
import { z } from 'zod'
import type { Client } from './client.ts'
import { fault } from './fault.ts'

export type VerifiedDirectory = { readonly view: DirectoryView; readonly anchor: string }
/** The network's directory, computed here from signed logs: the node is believed only as far as the anchor reaches. */
export type Directory = { current(): Promise<VerifiedDirectory>; /** The next look asks the node again. */ expire(): void }

const logsAnswer = z.object({ anchor: z.object({ node: z.string(), fingerprint: z.string() }), logs: z.record(z.string(), z.array(signedStatement)) })
const FRESH_MS = 10_000
/** What a directory must never do to somebody who saw it before. */
const UNFORGIVABLE = ['rollback', 'fork', 'childKeySwapped', 'badRecovery']

/** `pinned` is the root fingerprint to trust; null takes the node's own word at the first look and holds it to that. */
export function createDirectory(client: Client, suites: Suites, pinned: string | null): Directory {
  let known: (VerifiedDirectory & { readonly etag: string; readonly at: number }) | null = null
  let looking: Promise<VerifiedDirectory> | null = null

  async function look(): Promise<VerifiedDirectory> {
    const answer = await client.raw('/api/directory/logs', { method: 'GET', headers: known === null ? {} : { 'if-none-match': known.etag } })
    if (answer.status === 304 && known !== null) {
      known = { ...known, at: Date.now() }
      return known
    }
    if (!answer.ok) throw await client.refusal(answer)
    const told = logsAnswer.safeParse(await answer.json())
    if (!told.success) throw fault('unexpectedAnswer', { path: '/api/directory/logs' })
    const { anchor, logs } = told.data
    const trusted = known?.anchor ?? pinned ?? anchor.fingerprint
    if (anchor.fingerprint !== trusted) throw fault('directoryChanged', { told: anchor.fingerprint, remembered: trusted })
    const read = known === null ? readLogs(suites, { node: anchor.node, fingerprint: trusted }, logs) : extend(known.view, Object.values(logs).flat())
    const bad = read.faults.find((each) => UNFORGIVABLE.includes(each.fault.code))
    if (bad !== undefined) throw fault('directoryUntrusted', { log: bad.log, seq: bad.seq, reason: bad.fault.code })
    if (read.view.node(anchor.node) === null) throw fault('directoryUntrusted', { log: anchor.node, reason: 'unknownRoot' })
    known = { view: read.view, anchor: trusted, etag: answer.headers.get('etag') ?? '', at: Date.now() }
    return known
  }
  return {
    current: () => {
      if (known !== null && Date.now() - known.at < FRESH_MS) return Promise.resolve(known)
      looking ??= look().finally(() => (looking = null))
      return looking
    },
    expire: () => {
      if (known !== null) known = { ...known, at: 0 }
    },
  }
}
