import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { suites } from '@postroad/gm/node'
import type { ArrivedItem, Submitted } from '@postroad/road/service'
import { clerk } from '@postroad/road/testing/network'
import { type Letter, letter, organReceipt } from '@postroad/road/testing/terminal'
import { chunkHash } from '@postroad/waybill'
import type { Dice } from '@postroad/waybill/simulation'
import type { History } from './history.ts'
import type { FireNetwork } from './network.ts'

/** The offices of the network at work: they write, insist until they are answered, look into their inboxes, and sign for or return what is new. */
export type Crew = {
  /** No new letters from now on; inboxes are still looked into. */
  hush(): void
  stop(): Promise<void>
  readonly accepted: readonly Sent[]
  readonly acted: readonly Acted[]
  /** Letters that were handed in and not answered yet. */
  waiting(): number
}
export type Sent = { readonly letter: Letter; readonly node: string; readonly organs: readonly string[] }
export type Acted = { readonly receipt: string; readonly node: string; readonly message: string; readonly organ: string }

const LOOK_MS = 400
const INSIST_MS = 250
/** Below and above what travels inside a shipment. */
const SIZES = [900, 4_000, 10_000, 10_000, 30_000, 150_000, 900_000] as const

export type CrewOrder = { readonly network: FireNetwork; readonly dice: Dice; readonly history: History; /** Milliseconds between two letters of one office, on average. */ readonly pauseMs: number }

export function startCrew(order: CrewOrder): Crew {
  const { network, dice, pauseMs } = order
  const organs = network.nodes.flatMap((node) => node.organs)
  const state = { isHushed: false, isOver: false, waiting: 0 }
  const accepted: Sent[] = []
  const acted: Acted[] = []
  const desk = { ...order, organs, state, accepted, acted }
  const working = organs.flatMap((organ) => [
    (async () => {
      while (!state.isHushed) {
        await wait(dice.below(pauseMs * 2))
        if (!state.isHushed) await writeThread(desk, organ)
      }
    })(),
    (async () => {
      const undecided = new Set<string>()
      while (!state.isOver) {
        await lookIntoInbox(desk, organ, undecided)
        await wait(LOOK_MS)
      }
    })(),
  ])
  return {
    accepted, acted,
    waiting: () => state.waiting,
    hush: () => void (state.isHushed = true),
    stop: async () => {
      state.isHushed = state.isOver = true
      await Promise.all(working)
    },
  }
}

type Desk = CrewOrder & { readonly organs: readonly string[]; readonly state: { isHushed: boolean; isOver: boolean; waiting: number }; readonly accepted: Sent[]; readonly acted: Acted[] }

/** One to four letters to the same offices, one after the other; now and then the last is recalled. */
async function writeThread(desk: Desk, organ: string): Promise<void> {
  const { dice, organs } = desk
  const to = dice.shuffle(organs.filter((other) => other !== organ)).slice(0, 1 + dice.below(4))
  const urgency = dice.pick(['normal', 'normal', 'urgent', 'extraUrgent'] as const)
  const suite = dice.pick(['SM', 'P256'] as const)
  let first: string | null = null
  for (let ordinal = 0, most = 1 + dice.below(4); ordinal < most && !desk.state.isHushed; ordinal += 1) {
    const about = { ordinal, urgency, suite, ...(first === null ? {} : { thread: first, regarding: first }) }
    const sent = await handIn(desk, organ, to, { ...about, bytes: new Uint8Array(randomBytes(dice.pick(SIZES))) })
    if (sent === null) return
    first ??= sent
    if (dice.chance(0.08)) return void (await handIn(desk, organ, to, { ...about, ordinal: ordinal + 1, urgency: 'extraUrgent', thread: first, regarding: sent, kind: 'recallRequest', bytes: new Uint8Array(200) }))
  }
}

type About = Parameters<typeof letter>[3]

/** Hands in until it is answered, as a terminal does that got no answer. Answers the message's id, or null for a clear refusal. */
async function handIn({ network, history, state, accepted }: Desk, organ: string, to: readonly string[], about: About): Promise<string | null> {
  const host = network.hostOf(organ)
  const written = await letter(network, organ, to, about)
  const { head, chunkHashes } = written.packed
  history.emit('submitted', { node: host.id, organ, message: head.id, kind: head.kind, thread: head.thread, ordinal: head.ordinal, regarding: head.regarding, recipients: to, digest: digestOf(chunkHashes) })
  state.waiting += 1
  try {
    const answer = await insist(state, () => host.ask<Submitted>({ kind: 'dispatch', by: clerk(organ), submission: written.submission }))
    if (answer === null) return null
    if (typeof answer === 'string') {
      history.emit('refused', { node: host.id, message: head.id, code: answer })
      return null
    }
    accepted.push({ letter: written, node: host.id, organs: to })
    history.emit('accepted', { node: host.id, message: head.id })
    return head.id
  } finally {
    state.waiting -= 1
  }
}

const digestOf = (chunkHashes: readonly string[]): string => createHash('sha256').update(chunkHashes.join()).digest('base64url')

/** Codes that mean "try again": the node is down, its database is, its disk is full, or its clock is wrong. Everything else with a code is a clear answer. */
const AGAIN = /^(?!road\.(?!clockWrong)|files\.(?!diskFull))/
/** Answers the code of a refusal, null when the run ended before an answer. */
async function insist<T>(state: { readonly isOver: boolean }, work: () => Promise<T>): Promise<T | string | null> {
  while (!state.isOver) {
    try {
      return await work()
    } catch (error) {
      const { code = '' } = error as { code?: string }
      if (!AGAIN.test(code)) return code
      await wait(INSIST_MS)
    }
  }
  return null
}

async function lookIntoInbox(desk: Desk, organ: string, undecided: Set<string>): Promise<void> {
  const { network, history, dice, state } = desk
  const host = network.hostOf(organ)
  const items = await host.ask<readonly ArrivedItem[]>({ kind: 'arrivals', by: clerk(organ), limit: 50 }).catch(() => [])
  for (const item of items) {
    if (state.isOver) return
    const { head } = item
    const key = `${head.id} ${organ}`
    const isWhole = await holdsWhole(desk, organ, item)
    if (isWhole === null) return // the node went down while one read: the next look shows it again
    // a recall overtakes what it recalls: it has no place in a thread's order
    if (head.kind === 'document' && !undecided.has(key)) history.emit('shown', { node: host.id, organ, message: head.id, thread: head.thread, sender: head.sender.organ, ordinal: head.ordinal, digest: isWhole ? digestOf(item.chunkHashes) : 'broken' })
    undecided.add(key) // seen, but nothing could be done: it will be there again
    if (await decide(desk, organ, item, head.kind === 'document' && dice.chance(0.1) ? 'returned' : 'signedFor')) undecided.delete(key)
  }
}

/** Whether every sealed chunk has the hash that the sender signed; null when nobody answered, or the node's database did not. */
async function holdsWhole({ network }: Desk, organ: string, { head, chunkHashes, body }: ArrivedItem): Promise<boolean | null> {
  for (const [index, hash] of chunkHashes.entries()) {
    const answer = body === null ? await network.hostOf(organ).ask<Uint8Array | null>({ kind: 'chunk', by: clerk(organ), message: head.id, index }).catch(({ code = '' }: { code?: string }) => (AGAIN.test(code) ? undefined : null)) : (body[index] ?? null)
    if (answer === undefined) return null
    if (answer === null || chunkHash(suites[head.suite], answer) !== hash) return false
  }
  return true
}

async function decide({ network, history, state, acted }: Desk, organ: string, { head }: ArrivedItem, kind: 'signedFor' | 'returned'): Promise<boolean> {
  const host = network.hostOf(organ)
  const signed = organReceipt(network, head, { kind, recipient: organ, node: host.id, reason: kind === 'returned' ? { code: 'wrongRecipient', text: '' } : null })
  const answer = await insist(state, () => host.ask<unknown>({ kind: 'act', by: clerk(organ), receipts: [signed] }))
  if (answer === null) return false
  // asked again after an answer that was lost: it stands already
  const stands = typeof answer !== 'string' || answer === 'road.alreadySignedFor' || answer === 'road.alreadyReturned'
  if (!stands) {
    history.emit('actRefused', { node: host.id, organ, message: head.id, code: answer })
    return answer === 'road.alreadyRecalled'
  }
  history.emit('act', { node: host.id, organ, message: head.id, kind, receipt: signed.receipt.id })
  acted.push({ receipt: signed.receipt.id, node: host.id, message: head.id, organ })
  return true
}
