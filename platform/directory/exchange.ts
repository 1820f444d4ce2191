import { base64url } from '@postroad/gm'
import type { Node } from '@postroad/kernel/node'
import { Refusal } from '@postroad/kernel/errors'
import { tlsCertificates } from '@postroad/waybill'
import { openLine } from './call.ts'
import { tls } from './certificates.ts'
import { type ExchangeRequest, exchangeAnswer } from './model.ts'
import { hearHeads, neighbours } from './peers.ts'
import { directoryRoom, hasLeft, view } from './room.ts'
import { importLogs, logsSince } from './statements.ts'
import { directoryFaults } from './words.ts'

/** Neighbours are asked this often even when nothing changed here: a lost wake-up delays news, never loses it. */
const EVERY_MS = 15_000
const LONGEST_PAUSE_MS = 120_000
/** So long a node that left while it could not be reached is looked for, to be told. */
const FAREWELL_DAYS = 30
/** Messages in one meeting; a node that was away for a year needs more than one. */
const MOST_ROUNDS = 200

/**
 * Brings a neighbour and this node to the same directory: each says which heads it has, each sends what the other lacks.
 * @throws directory.peerUnreachable, directory.wrongServer, directory.peerRefused
 */
export async function exchangeWith(node: Node, peer: string): Promise<void> {
  const body = view(node).node(peer)
  if (isSilent(node, peer)) throw directoryFaults.peerBlocked({ peer })
  if (body === null || body.endpoint === null) throw directoryFaults.peerUnreachable({ peer, reason: 'noEndpoint' })
  const line = await openLine(body.endpoint, tls(node))
  try {
    if (!tlsCertificates(body).includes(base64url(line.certificate))) throw directoryFaults.wrongServer({ peer })
    let [statements, before]: [ExchangeRequest['statements'], string] = [[], '']
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const answer = await line.post('/road/v1/directory', { v: 1, heads: view(node).checkpoint().logs, statements }, exchangeAnswer)
      const { accepted } = await importLogs(node, answer.statements, peer)
      await hearHeads(node, peer, answer.heads)
      statements = logsSince(node, answer.heads)
      // Neither side moved since the last round: what is left is refused by one of them, and will be again.
      const after = JSON.stringify(answer.heads)
      if (accepted === 0 && (statements.length === 0 || after === before)) return
      before = after
    }
  } finally {
    line.close()
  }
}

/** Keeps every neighbour up to date: at once when the view changes, else from time to time, more rarely while a neighbour does not answer. Of the node's processes the eldest with the jobs does. */
export function startExchange(node: Node): { stop(): Promise<void> } {
  if (!node.processes.does('jobs')) return { stop: async () => undefined }
  const room = node.slots.get(directoryRoom)
  const stopping = new AbortController()
  const loops = new Map<string, Promise<void>>()
  const wakers = new Map<string, () => void>()
  const wake = (): void => {
    if (stopping.signal.aborted || room.view === null) return
    // a peer reached by bundle is never called: what it is to know of the directory travels inside
    for (const peer of [...neighbours(node), ...justLeft(node)].filter((one) => room.settingOf(one).carrier === 'https')) if (!loops.has(peer)) loops.set(peer, keepUp(node, peer, stopping.signal, wakers))
    for (const waker of wakers.values()) waker()
  }
  room.listeners.add(wake)
  wake()
  return {
    async stop() {
      room.listeners.delete(wake)
      stopping.abort()
      for (const waker of wakers.values()) waker()
      await Promise.all(loops.values())
    },
  }
}

/** A node that left is told so; then nothing more. */
function justLeft(node: Node): string[] {
  const current = view(node)
  const long = new Date(node.now().getTime() - FAREWELL_DAYS * 86_400_000).toISOString()
  return current.children(node.config.node).filter((child) => {
    const leaving = current.leaving(child)
    return leaving?.phase === 'gone' && leaving.node === child && leaving.since > long
  })
}

/** Not called: it is blocked, or this node itself has left. */
const isSilent = (node: Node, peer: string): boolean => view(node).blocked(peer) !== null || hasLeft(node, node.config.node)

async function keepUp(node: Node, peer: string, signal: AbortSignal, wakers: Map<string, () => void>): Promise<void> {
  let [failures, isDue]: [number, boolean] = [0, true]
  let ring = (): void => undefined
  wakers.set(peer, () => {
    isDue = true
    ring()
  })
  while (!signal.aborted) {
    if (isDue && !node.processes.isEldest('jobs')) isDue = false // another process of this node does it
    else if (isDue) {
      isDue = false
      const isLast = hasLeft(node, peer)
      try {
        if (!isSilent(node, peer)) await exchangeWith(node, peer)
        if (isLast) return // the last that it hears of us
        failures = 0
      } catch (error) {
        if (isLast && error instanceof Refusal && error.code === 'directory.peerRefused') return // it knows, and has nothing to do with us any more
        failures += 1
        report(node, peer, error, failures)
      }
    }
    if (isDue && failures === 0) continue
    // After a failure a change here is no reason to hurry: the peer is away.
    const pause = Math.min(failures === 0 ? EVERY_MS : 1000 * 2 ** failures, LONGEST_PAUSE_MS) * (0.8 + Math.random() * 0.4)
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pause).unref()
      ring = (): void => {
        if (failures > 0 && !signal.aborted) return
        clearTimeout(timer)
        resolve()
      }
      if (signal.aborted) ring()
    })
    isDue = true
  }
}

function report(node: Node, peer: string, error: unknown, failures: number): void {
  if (!(error instanceof Refusal)) node.log.error({ err: error, peer }, 'directory: exchange failed')
  else if (failures === 1) node.log.warn({ peer, code: error.code, detail: error.detail }, 'directory: exchange refused or unreachable')
}
