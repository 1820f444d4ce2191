import { randomBytes } from 'node:crypto'
import type { Tx } from '@postroad/kernel/database'
import { service } from '@postroad/kernel/principal'
import { type Receipt, type SignedReceipt, canonical } from '@postroad/waybill'
import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { greet } from './engine/greet.ts'
import { roadSlot } from './engine/road.ts'
import { act, chunk, closeByPerson, dispatch, evidenceParts, inbox, inboxItem, sent, submit, track } from './service.ts'
import { asRoad } from './store/acting.ts'
import { claimShipments } from './store/shipments.ts'
import { auditOf, callerOf, tellAs } from './testing/forger.ts'
import { until } from '@postroad/kernel/testing'
import { type Network, type Station, clerk, startNetwork } from './testing/network.ts'
import { letter, organReceipt, send } from './testing/terminal.ts'

let network: Network
beforeAll(async () => {
  network = await startNetwork([
    { id: 'province', parent: null, organs: ['p.party'] },
    { id: 'city', parent: 'province', organs: ['c.party'], maxLabel: 1 },
    { id: 'county', parent: 'city', organs: ['x.party', 'x.gov', 'x.mass'], deputies: { 'x.mass': 'x.party' } },
  ])
})
afterAll(async () => network?.stop())

const sender = clerk('p.party')
const tracking = (message: string) => network.at('province').node.transaction(sender, (tx) => track(tx, message))
const board = async (message: string): Promise<Record<string, string>> => Object.fromEntries(((await tracking(message))?.board ?? []).map(({ organ, state }) => [organ, state]))
const reaches = (message: string, organ: string, state: string) => until(async () => (await board(message))[organ] === state)
const itemAt = (station: Station, organ: string, message: string) => station.node.transaction(clerk(organ), (tx) => inboxItem(tx, message, organ))
const actAs = async (organ: string, message: string, kind: Receipt['kind'], more: Partial<Parameters<typeof organReceipt>[2]> = {}) => {
  const county = network.at('county')
  const item = await itemAt(county, organ, message)
  if (item === null) throw new Error('nothing arrived')
  await act(county.node, more.by ?? clerk(organ), [organReceipt(network, item.head, { kind, recipient: organ, node: 'county', ...more })])
}
const code = (work: Promise<unknown>): Promise<string> => work.then(() => 'fine', (error: { code?: string; message: string }) => error.code ?? error.message)

describe('submission', () => {
  it('is answered the same for the same, and refused for another message under the same client id', async () => {
    const one = await letter(network, 'p.party', ['x.party'], { clientId: 'client-1' })
    const two = await letter(network, 'p.party', ['x.party'], { clientId: 'client-1' })
    const { node } = network.at('province')
    const [first, second] = await Promise.all([dispatch(node, sender, one.submission), dispatch(node, sender, one.submission)])
    expect(second).toEqual(first)
    expect(await dispatch(node, sender, one.submission)).toEqual(first)
    expect(await code(dispatch(node, sender, two.submission))).toBe('road.clientIdReused')
    expect(await board(two.submission.head.id)).toEqual({})
  })
  it('within another room’s transaction goes out when that commits, and not when it fails', async () => {
    const { node } = network.at('province')
    const one = await letter(network, 'p.party', ['x.party'])
    const two = await letter(network, 'p.party', ['x.party'])
    await node.transaction(sender, (tx) => submit(tx, node, sender, one.submission))
    await expect(node.transaction(sender, async (tx) => { await submit(tx, node, sender, two.submission); throw new Error('changed my mind') })).rejects.toThrow('changed my mind')
    await reaches(one.submission.head.id, 'x.party', 'arrived')
    expect(await board(two.submission.head.id)).toEqual({})
  })
  it.each([
    ['notYourOrgan', { by: clerk('c.party') }], ['aboveClearance', { label: 2, by: clerk('p.party', 1) }], ['labelTooHigh', { label: 3, by: clerk('p.party', 7) }],
    ['expired', { expires: new Date(Date.now() - 1000).toISOString(), created: new Date(Date.now() - 5000).toISOString() }], ['createdInFuture', { created: new Date(Date.now() + 3600_000).toISOString(), expires: new Date(Date.now() + 7200_000).toISOString() }],
    ['unknownOrgan', { to: ['nobody.party'] }], ['regardingUnknown', { kind: 'recallRequest' as const, regarding: '01997a00-0000-7000-8000-000000000001', thread: '01997a00-0000-7000-8000-000000000001', ordinal: 1 }],
  ])('refuses with %s', async (name, { by = sender, to = ['x.party'], ...options }: { by?: typeof sender; to?: string[] } & Parameters<typeof letter>[3]) => {
    const { submission } = await letter(network, 'p.party', to, options)
    expect(await code(dispatch(network.at('province').node, by, submission))).toBe(`road.${name}`)
  })
  it('refuses a sender without the duty, recipients left out, a body or manifest that is not the head’s', async () => {
    const { node } = network.at('province')
    const { submission: good } = await letter(network, 'p.party', ['x.party', 'x.gov'])
    const refuse = (change: Partial<typeof good>, by = sender) => code(dispatch(node, by, { ...good, ...change }))
    expect(await refuse({}, { ...sender, acting: { ...sender.acting, duties: [] } })).toBe('road.noDuty')
    expect(await refuse({ recipients: good.recipients.slice(1) })).toBe('road.recipientMissing')
    expect(await refuse({ recipients: good.recipients.toReversed() })).toMatch(/road\.(recipientRootMismatch|duplicateRecipient)/)
    expect(await refuse({ manifest: 'AAAA' })).toBe('road.manifestHashMismatch')
    expect(await refuse({ chunkHashes: [] })).toBe('road.bodyRootMismatch')
    expect(await refuse({ inlineBody: [new Uint8Array(3)] })).toBe('road.bodyMissing')
    expect(await refuse({ inlineBody: null })).toBe('road.bodyMissing')
    expect(await refuse({ clientId: '' })).toBe('road.malformed')
    expect(await board(good.head.id)).toEqual({})
  })
})

describe('on the way', () => {
  it('a label above a centre’s ends as undeliverable with the reason, and harms nothing behind it', async () => {
    const secret = await send(network, network.at('province'), 'p.party', ['x.party'], { label: 2 })
    const plain = await send(network, network.at('province'), 'p.party', ['x.party'], { label: 1 })
    await reaches(secret, 'x.party', 'undeliverable')
    await reaches(plain, 'x.party', 'arrived')
    const row = (await tracking(secret))?.board[0]
    expect(row?.decided).toMatchObject({ kind: 'undeliverable', node: 'province', reason: { code: 'road.labelTooHigh', text: 'city' } })
    expect(await auditOf(network.at('city'), 'road.labelTooHigh')).toMatchObject([{ outcome: 'refused' }])
  })
  it('a large body goes chunk by chunk and is the same at the end; both suites', async () => {
    for (const suite of ['SM', 'P256'] as const) {
      const given = await letter(network, 'p.party', ['x.party'], { suite, bytes: new Uint8Array(randomBytes(3_300_000)) })
      const { node } = network.at('province')
      const [first, ...rest] = given.chunks
      // as after an upload: all chunks but the first are in the store already
      const { putChunks } = await import('@postroad/files/service')
      await putChunks(node, given.chunks.map((bytes, i) => ({ bytes, hash: given.packed.chunkHashes[i] ?? '' })), suite)
      expect([first?.length, rest.length]).toEqual([given.chunks[0]?.length, 3])
      expect(await code(dispatch(node, sender, given.submission))).toBe('road.bodyTooLong')
      const small = await letter(network, 'p.party', ['x.party'], { suite, bytes: new Uint8Array(randomBytes(400_000)) })
      const { message } = await dispatch(node, sender, small.submission)
      await reaches(message, 'x.party', 'arrived')
      const county = network.at('county')
      const received = await county.node.transaction(clerk('x.party'), (tx) => chunk(tx, county.node, message, 0))
      expect(Buffer.from(received ?? []).equals(small.chunks[0] ?? Buffer.alloc(0))).toBe(true)
      expect(await county.node.transaction(clerk('x.gov'), (tx) => chunk(tx, county.node, message, 0))).toBeNull()
    }
  })
  it('keeps the order of a thread on every link', async () => {
    const { node } = network.at('province')
    const first = await letter(network, 'p.party', ['x.gov'], { bytes: new Uint8Array(randomBytes(900_000)) })
    const thread = first.submission.head.id
    const later = await Promise.all([1, 2, 3].map((ordinal) => letter(network, 'p.party', ['x.gov'], { thread, ordinal, regarding: thread, kind: 'document' })))
    for (const { submission } of [first, ...later]) await dispatch(node, sender, submission)
    await Promise.all([first, ...later].map(({ submission }) => reaches(submission.head.id, 'x.gov', 'arrived')))
    const items = await network.at('county').node.transaction(clerk('x.gov'), (tx) => inbox(tx, { limit: 50 }))
    expect(items.filter(({ head }) => head.thread === thread).map(({ head }) => head.ordinal)).toEqual([3, 2, 1, 0])
  })
  it('a later letter of a thread is not even claimed while an earlier one waits; more urgent ones and recalls are', async () => {
    const { node } = network.at('province')
    const thread = await send(network, network.at('province'), 'p.party', ['x.gov'])
    await reaches(thread, 'x.gov', 'arrived')
    const more = (ordinal: number, options: Parameters<typeof letter>[3] = {}) => letter(network, 'p.party', ['x.gov'], { thread, ordinal, regarding: thread, ...options })
    const [second, third, urgent, recall] = await Promise.all([more(1), more(2), more(3, { urgency: 'urgent' }), more(4, { kind: 'recallRequest' })])
    const names = new Map(Object.entries({ second, third, urgent, recall }).map(([name, { submission }]) => [submission.head.id, name]))
    const claimed: (readonly string[])[] = []
    await expect(node.transaction(sender, async (tx) => {
      for (const { submission } of [third, second, urgent, recall]) await submit(tx, node, sender, submission)
      await asRoad(tx, async () => {
        for (let hour = 1; hour <= 3; hour += 1) { // whatever was leased is free again, and what was claimed has been handed on
          const rows = await claimShipments(tx, { link: 'city', lane: 'small', owner: 'somebody', now: new Date(Date.now() + hour * 3_600_000), limit: 10 })
          claimed.push(rows.map(({ message }) => names.get(message) ?? message).sort())
          await sql`update road.shipment set state = 'handedOn' where id = any(${rows.map(({ id }) => id)})`.execute(tx)
        }
      })
      throw new Error('enough')
    })).rejects.toThrow('enough')
    expect(claimed).toEqual([['recall', 'second', 'urgent'], ['third'], []])
  })
})

describe('acts of the recipient', () => {
  it('advance only forward, only by the organ itself or its deputy, only as who signed in', async () => {
    const message = await send(network, network.at('province'), 'p.party', ['x.party', 'x.mass'])
    await reaches(message, 'x.party', 'arrived')
    await reaches(message, 'x.mass', 'arrived')
    expect(await code(actAs('x.party', message, 'registered'))).toBe('road.notSignedFor')
    expect(await code(actAs('x.party', message, 'signedFor', { by: { ...clerk('x.party'), acting: clerk('x.gov').acting } }))).toMatch(/road\.(noDelivery|notTheActor|badSeal|notDeputy|receiptIncomplete)|receiptIncomplete/)
    await actAs('x.party', message, 'signedFor')
    expect(await code(actAs('x.party', message, 'signedFor'))).toBe('road.alreadySignedFor')
    await actAs('x.party', message, 'registered')
    await actAs('x.mass', message, 'signedFor', { by: clerk('x.party'), onBehalfOf: 'x.mass' })
    await reaches(message, 'x.party', 'registered')
    await reaches(message, 'x.mass', 'signedFor')
    const receipts = (await tracking(message))?.receipts ?? []
    expect(receipts.find(({ receipt }) => receipt.recipient === 'x.mass' && receipt.kind === 'signedFor')?.receipt.actor).toMatchObject({ organ: 'x.party', onBehalfOf: 'x.mass', person: 'clerk-x.party' })
    expect(await auditOf(network.at('county'), 'road.signedFor')).not.toEqual([])
  })
  it('退文 before and after 签收, with the reason at the sender', async () => {
    const message = await send(network, network.at('province'), 'p.party', ['x.party', 'x.gov'])
    await reaches(message, 'x.party', 'arrived')
    await reaches(message, 'x.gov', 'arrived')
    await actAs('x.party', message, 'returned', { reason: { code: 'wrongAddressee', text: '主送有误' } })
    await actAs('x.gov', message, 'signedFor')
    await actAs('x.gov', message, 'returned', { reason: { code: 'incomplete', text: '缺页' } })
    await reaches(message, 'x.party', 'returned')
    await reaches(message, 'x.gov', 'returned')
    expect((await tracking(message))?.board.find(({ organ }) => organ === 'x.gov')?.decided?.reason).toEqual({ code: 'incomplete', text: '缺页' })
  })
  it('of one call stand or fall together', async () => {
    const message = await send(network, network.at('province'), 'p.party', ['x.party'])
    await reaches(message, 'x.party', 'arrived')
    const county = network.at('county')
    const item = await itemAt(county, 'x.party', message)
    if (item === null) return expect.fail('nothing arrived')
    const [delivered, signed, registered] = (['delivered', 'signedFor', 'registered'] as const).map((kind) => organReceipt(network, item.head, { kind, recipient: 'x.party', node: 'county' })) as [SignedReceipt, SignedReceipt, SignedReceipt]
    expect(await code(act(county.node, clerk('x.party'), [delivered, registered]))).toBe('road.notSignedFor')
    expect((await itemAt(county, 'x.party', message))?.state).toBe('arrived')
    await act(county.node, clerk('x.party'), [delivered, signed, registered])
    await reaches(message, 'x.party', 'registered')
  })
  it('another organ’s people see and do nothing', async () => {
    const message = await send(network, network.at('province'), 'p.party', ['x.party'])
    await reaches(message, 'x.party', 'arrived')
    const county = network.at('county')
    expect(await itemAt(county, 'x.gov', message)).toBeNull()
    const item = await itemAt(county, 'x.party', message)
    if (item === null) return expect.fail('nothing arrived')
    const foreign = organReceipt(network, item.head, { kind: 'signedFor', recipient: 'x.party', node: 'county', by: clerk('x.gov'), onBehalfOf: 'x.party' })
    expect(await code(act(county.node, clerk('x.gov'), [foreign]))).toBe('road.notDeputy')
    expect(await network.at('province').node.transaction(clerk('c.party'), (tx) => track(tx, message))).toBeNull()
    expect(await county.node.transaction(clerk('x.gov'), (tx) => evidenceParts(tx, message))).toBeNull()
    expect((await network.at('province').node.transaction(clerk('c.party'), (tx) => sent(tx, { limit: 10 }))).length).toBe(0)
  })
})

describe('receipts from a peer', () => {
  it('forged ones are refused one by one and audited; good ones beside them count', async () => {
    const message = await send(network, network.at('province'), 'p.party', ['x.party'])
    await reaches(message, 'x.party', 'arrived')
    const item = await itemAt(network.at('county'), 'x.party', message)
    if (item === null) return expect.fail('nothing arrived')
    const good = organReceipt(network, item.head, { kind: 'signedFor', recipient: 'x.party', node: 'county' })
    const changed: SignedReceipt = { ...good, receipt: { ...good.receipt, id: crypto.randomUUID(), kind: 'registered' } }
    const foreign: SignedReceipt = { ...good, receipt: { ...good.receipt, id: crypto.randomUUID(), message: crypto.randomUUID() } }
    const caller = callerOf(network, 'city', 'province')
    const answer = await tellAs(network, caller, canonical([changed, good, foreign]))
    expect(answer.reply['refused']).toEqual(expect.arrayContaining([{ id: foreign.receipt.id, code: 'road.unknownMessage', later: false }, { id: changed.receipt.id, code: 'road.badSeal', later: false }]))
    await reaches(message, 'x.party', 'signedFor')
    expect((await auditOf(network.at('province'), 'road.badReceipts')).length).toBeGreaterThanOrEqual(2)
    expect((await tellAs(network, caller, Buffer.from('[{}]'))).code).toBe('road.malformed')
    expect((await tellAs(network, caller, canonical([good, good]))).status).toBe(200)
    expect((await tracking(message))?.receipts.filter(({ receipt }) => receipt.id === good.receipt.id)).toHaveLength(1)
  })
})

describe('recall', () => {
  const recall = async (message: string, organ: string): Promise<string> =>
    send(network, network.at('province'), 'p.party', [organ], { kind: 'recallRequest', regarding: message, thread: message, ordinal: 1, urgency: 'extraUrgent' })
  it('succeeds before 签收 and blocks it', async () => {
    const message = await send(network, network.at('province'), 'p.party', ['x.party'])
    await reaches(message, 'x.party', 'arrived')
    await recall(message, 'x.party')
    await reaches(message, 'x.party', 'recalled')
    expect((await tracking(message))?.board[0]?.recall).toBe('done')
    expect(await code(actAs('x.party', message, 'signedFor'))).toBe('road.alreadyRecalled')
  })
  it('is refused after 签收', async () => {
    const message = await send(network, network.at('province'), 'p.party', ['x.party'])
    await reaches(message, 'x.party', 'arrived')
    await actAs('x.party', message, 'signedFor')
    await recall(message, 'x.party')
    await until(async () => (await tracking(message))?.board[0]?.recall === 'refused')
    expect((await board(message))['x.party']).toBe('signedFor')
  })
  it('that overtakes what it recalls waits for it as a tombstone', async () => {
    const { submission } = await letter(network, 'p.party', ['x.gov'])
    const message = submission.head.id
    const { node } = network.at('province')
    await node.transaction(sender, (tx) => submit(tx, node, sender, submission).then(() => hold(tx, message)))
    await recall(message, 'x.gov')
    await until(async () => (await network.at('county').node.transaction(service('road'), (tx) => sql`select from road.tombstone where message = ${message}`.execute(tx))).rows.length === 1)
    await node.transaction(service('road'), (tx) => sql`update road.shipment set next_at = now() where message = ${message}`.execute(tx))
    await reaches(message, 'x.gov', 'recalled')
  })
  it('and 签收 in the same moment: exactly one of them wins', async () => {
    for (let round = 0; round < 5; round += 1) {
      const message = await send(network, network.at('province'), 'p.party', ['x.party'])
      await reaches(message, 'x.party', 'arrived')
      const [, signing] = await Promise.all([recall(message, 'x.party'), new Promise((resolve) => setTimeout(resolve, 40 + round * 15)).then(() => code(actAs('x.party', message, 'signedFor')))])
      await until(async () => ['recalled', 'signedFor'].includes((await board(message))['x.party'] ?? '') && ['done', 'refused'].includes((await tracking(message))?.board[0]?.recall ?? ''))
      expect((await board(message))['x.party']).toBe(signing === 'fine' ? 'signedFor' : 'recalled')
      expect((await tracking(message))?.board[0]?.contradictory).toBe(false)
    }
  })
})

/** Keeps a message from being sent, as a cut link would. */
const hold = (tx: Tx, message: string) => asRoad(tx, () => sql`update road.shipment set next_at = now() + interval '100 seconds' where message = ${message}`.execute(tx))

describe('time limits', () => {
  it('raise one provisional alarm, end nothing; a person closes; a late 签收 wins', async () => {
    const message = await send(network, network.at('province'), 'p.party', ['x.party'], { expires: new Date(Date.now() + 2500).toISOString() })
    await reaches(message, 'x.party', 'arrived')
    await new Promise((resolve) => setTimeout(resolve, 2600))
    await network.at('province').runJob('road.late')
    await until(async () => (await tracking(message))?.board[0]?.late === true)
    await network.at('province').runJob('road.late')
    expect((await tracking(message))?.receipts.filter(({ receipt }) => receipt.kind === 'late')).toHaveLength(1)
    const { node } = network.at('province')
    expect(await code(closeByPerson(node, clerk('c.party'), { message, organ: 'x.party', text: '改走纸质' }))).toBe('road.noDelivery')
    await closeByPerson(node, sender, { message, organ: 'x.party', text: '改走纸质' })
    await reaches(message, 'x.party', 'closed')
    await actAs('x.party', message, 'signedFor')
    await reaches(message, 'x.party', 'signedFor')
  })
})

describe('a node that comes back from an older backup', () => {
  it('tells less than before, is offered again what it forgot, and nothing is lost or doubled', async () => {
    const before = await send(network, network.at('province'), 'p.party', ['x.gov'])
    await reaches(before, 'x.gov', 'arrived')
    const county = network.at('county')
    const marks = async () => (await county.node.transaction(service('road'), (tx) => sql<{ taken: string; peer_receipts: string }>`select taken, peer_receipts from road.link where peer = 'city'`.execute(tx))).rows[0]
    const backup = await marks()
    const lost = await Promise.all([1, 2, 3].map(() => send(network, network.at('province'), 'p.party', ['x.gov'])))
    await Promise.all(lost.map((message) => reaches(message, 'x.gov', 'arrived')))
    await actAs('x.gov', lost[0] ?? '', 'signedFor')
    await reaches(lost[0] ?? '', 'x.gov', 'signedFor')
    await new Promise((resolve) => setTimeout(resolve, 300)) // seals are kept lazily
    const client = new pg.Client(county.database.superuser)
    await client.connect()
    for (const table of ['delivery', 'taken', 'arrival', 'receipt', 'body', 'due', 'relay', 'shipment']) await client.query(`delete from road.${table} where message = any($1)`, [lost])
    await client.query('delete from road.message where id = any($1)', [lost])
    await client.query(`update road.link set taken = $1, peer_receipts = $2 where peer = 'city'`, [backup?.taken, backup?.peer_receipts])
    await client.end()
    expect((await county.node.transaction(clerk('x.gov'), (tx) => inbox(tx, { limit: 50 }))).filter(({ message }) => lost.includes(message))).toEqual([])
    await greet(county.node.slots.get(roadSlot), 'city')
    await until(async () => (await county.node.transaction(clerk('x.gov'), (tx) => inbox(tx, { limit: 50 }))).filter(({ message }) => lost.includes(message)).length === 3)
    expect(await auditOf(network.at('city'), 'road.offerAgain')).toMatchObject([{ detail: { shipments: 3 } }])
    expect(await Promise.all(lost.map(async (message) => (await board(message))['x.gov']))).toEqual(['signedFor', 'arrived', 'arrived'])
    // what the organ signed is not lost with the node's memory of it: the centre tells it back
    await until(async () => (await itemAt(county, 'x.gov', lost[0] ?? ''))?.state === 'signedFor')
  })
})
