import { canonical } from '@postroad/waybill'
import { faultpoint } from '../faultpoints.ts'
import { service } from '@postroad/kernel/principal'
import type { z } from 'zod'
import { type RelayVerdict, type Relayed, releaseRelays } from '../store/receipts.ts'
import { LinkFailure } from '../transport/port.ts'
import type { Road } from './road.ts'
import { EPOCH_HEADER, JSON_TYPE, NODE_HEADER, addressOf, faultOf, paths, readReply, receiptsAnswer } from './wire.ts'

/** Receipts that wait for a link, in memory; the database has them too. */
export type RelayQueue = { readonly size: number; readonly hasRoom: boolean; add(relays: readonly Relayed[]): void; pump(): void }
export type RelayLink = {
  /** The peer's epoch once it was greeted; null while it cannot be called. */
  epoch(): string | null
  follow(work: Promise<unknown>): void
  fail(error: unknown): Promise<void>
  greetAgain(): void
  /** Greets first if need be, then calls `pump`. */
  pump(): void
}

const AT_ONCE = 400
const IN_FLIGHT = 2
/** How much lies in memory; the rest waits in the database, held by nobody. */
const MOST = 8000
/** Receipts wait this long for others: they travel in batches. */
const LINGER_MS = 10

/** What a peer's answer means for each receipt that it was sent. */
export function verdictsOf(batch: readonly { readonly seq: number; readonly id: string }[], { mark, refused }: z.infer<typeof receiptsAnswer>): readonly RelayVerdict[] {
  const verdicts = new Map(refused.map((one) => [one.id, one]))
  return batch.map(({ seq, id }) => {
    const verdict = verdicts.get(id)
    if (verdict === undefined) return { seq, state: 'sent', mark }
    // a peer restored from a backup may be waiting for the message itself, or for news of the directory
    return { seq, state: verdict.later || verdict.code === 'road.unknownMessage' ? 'retry' : 'refused', mark }
  })
}

/** Sends receipts back in batches. Sending twice is harmless, so holds are not renewed: what could not be sent, or whose holder died, is claimed by the next look; what is not given back is free when its time is over. */
export function relayQueue(road: Road, peer: string, link: RelayLink): RelayQueue {
  const waiting = new Map<number, Relayed>()
  let under = 0
  let flights = 0
  let timer: NodeJS.Timeout | null = null

  const pump = (): void => {
    const epoch = link.epoch()
    if (epoch === null || flights >= IN_FLIGHT || waiting.size === 0) return
    const batch = [...waiting.values()].slice(0, AT_ONCE)
    for (const { seq } of batch) waiting.delete(seq)
    under += batch.length
    flights += 1
    link.follow(send(batch, epoch).finally(() => {
      flights -= 1
      under -= batch.length
      pump()
    }))
    pump()
  }
  const send = async (batch: readonly Relayed[], epoch: string): Promise<void> => {
    const body = canonical(batch.map(({ signed }) => signed))
    try {
      faultpoint('relay.beforeSend')
      const reply = await road.transport.request(addressOf(road, peer), { method: 'POST', path: paths.receipts, type: JSON_TYPE, headers: { [NODE_HEADER]: road.self, [EPOCH_HEADER]: epoch }, length: body.length, body })
      faultpoint('relay.afterAnswer')
      if (reply.status !== 200) {
        const { code } = faultOf(reply)
        await giveBack(batch)
        if (code === 'road.greetFirst') return link.greetAgain()
        return road.node.log.warn({ peer, code }, 'receipts not taken; tried again later')
      }
      const answer = readReply(reply, receiptsAnswer)
      const later = new Set(answer.refused.flatMap((one) => (one.later ? [one.id] : [])))
      await giveBack(batch.filter(({ signed }) => later.has(signed.receipt.id)))
      const settled = verdictsOf(batch.map(({ seq, signed }) => ({ seq, id: signed.receipt.id })), answer)
      await road.writer.write({ kind: 'relayed', relays: settled, peer, keys: [], weight: settled.length * 64, lazy: true })
    } catch (error) {
      await giveBack(batch)
      if (!(error instanceof LinkFailure)) throw error
      await link.fail(error)
    }
  }
  /** From here on anybody may claim them, this process too, perhaps before the answer is here. */
  const giveBack = async (batch: readonly Relayed[]): Promise<void> => {
    try {
      await road.node.transaction(service('road'), (tx) => releaseRelays(tx, batch.map(({ seq }) => seq)))
    } catch (error) {
      road.node.log.warn({ err: error, peer }, 'receipts not given back; free when their time is over')
    }
  }
  return {
    get hasRoom() {
      return waiting.size + under < MOST
    },
    get size() {
      return waiting.size + under
    },
    add(relays) {
      for (const relay of relays) waiting.set(relay.seq, relay)
      if (waiting.size >= AT_ONCE) return link.pump()
      timer ??= setTimeout(() => ((timer = null), link.pump()), LINGER_MS)
    },
    pump,
  }
}
