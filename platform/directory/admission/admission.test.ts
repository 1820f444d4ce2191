import { randomUUID } from 'node:crypto'
import { suites } from '@postroad/gm/node'
import { personOf, until } from '@postroad/kernel/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { directoryRoom } from '../room.ts'
import { admissions, askInvitation, decideInvitation, exchangeWith, inviteNode, joinProgress, ownFingerprint, peerOf, readJoinCode, spokenFingerprint, tlsCertificate, view } from '../service.ts'
import { type RoadNode, roadNode, standBetween } from '../testing.ts'
import type { JoinCode } from './code.ts'

const CENTRE = { id: 'centre', title: '望川县公文交换中心', region: 'wangchuan' }
const placeOf = (region: string) => ({ title: '望川县教育局', level: 'city' as const, region, regionTitle: '望川县', maxLabel: 2 })
const anna = personOf('anna', ['centre.party'], ['directory.admit'])
const bert = personOf('bert', ['centre.party'], ['directory.admit'])
let centre: RoadNode
const started: RoadNode[] = []
let count = 0

beforeAll(async () => {
  centre = await roadNode(CENTRE, null)
})
afterAll(async () => {
  for (const node of [...started, centre]) await node.stop()
})

/** An invitation to a node that nobody knows yet, and its code as the newcomer reads it. */
async function invited(id = `newcomer-${++count}`): Promise<{ id: string; code: JoinCode; lines: readonly string[] }> {
  const { id: invitation, code } = await inviteNode(centre.node, anna, id, placeOf(id))
  return { id: invitation, code: readJoinCode(suites, code.join('\n')), lines: code }
}

/** A machine that shows a code. */
async function newcomer(code: JoinCode, change: Partial<JoinCode> = {}): Promise<RoadNode> {
  const { parent, node, url, anchor, secret } = { ...code, ...change }
  const made = await roadNode({ id: node, title: '望川县教育局', region: 'newcomer' }, { node: parent, url, anchor, code: secret })
  made.clock.set(centre.node.now()) // an earlier test let a week pass at the centre
  started.push(made)
  return made
}
const progress = ({ node }: RoadNode) => joinProgress(node)
const faultOf = async (node: RoadNode): Promise<string | undefined> => {
  await until(() => progress(node)?.fault !== null)
  return progress(node)?.fault?.code
}
const standing = async (id: string) => (await admissions(centre.node)).find(({ invitation }) => invitation.id === id) ?? expect.fail('no invitation')
const approve = (id: string, fingerprint: string | null) => decideInvitation(centre.node, bert, id, { kind: 'approved', fingerprint, reason: '' })
const acts = async (act: string): Promise<{ leaf: { actor: { id: string }; object: string; detail: Record<string, string> } }[]> =>
  (await centre.injectAs(personOf('he', ['centre.party'], ['ledger.read']), { method: 'GET', url: `/api/ledger/records?act=${act}` })).json().records

describe('a node that joins with a code of the desk', () => {
  it('learns what it is invited to, waits until its fingerprint was compared, and is then in', async () => {
    const { id, code } = await invited()
    expect(await askInvitation(suites, code)).toMatchObject({ node: code.node, place: placeOf(code.node), parent: CENTRE.title, asked: false })
    const node = await newcomer(code)
    await until(() => progress(node)?.state === 'pending')
    const { state, asked } = await standing(id)
    expect([state, asked?.fingerprint, asked?.address]).toEqual(['asked', ownFingerprint(node.node), '127.0.0.1'])
    expect(spokenFingerprint(asked?.fingerprint ?? '')).toBe(spokenFingerprint(progress(node)?.fingerprint ?? ''))

    // Until then it is nobody: not in the directory, and no caller whom the road knows.
    expect(view(centre.node).node(code.node)).toBeNull()
    expect(peerOf(centre.node, tlsCertificate(node.node))).toBeNull()
    expect(node.node.slots.get(directoryRoom).view).toBeNull()

    await approve(id, asked?.fingerprint ?? null)
    await until(() => progress(node)?.state === 'joined')
    expect(view(node.node).node('centre')?.title).toBe(CENTRE.title)
    await until(() => view(centre.node).node(code.node) !== null)
    await exchangeWith(node.node, 'centre')
    expect(view(node.node).checkpoint().hash).toBe(view(centre.node).checkpoint().hash)
    expect((await standing(id)).state).toBe('joined')
    const [approval] = (await acts('directory.approved')).filter(({ leaf }) => leaf.object === code.node)
    expect(approval?.leaf).toMatchObject({ actor: { id: 'bert' }, detail: { invitation: id, fingerprint: asked?.fingerprint, address: '127.0.0.1' } })
  })

  it('goes on waiting after it was stopped and started, with the same keys', async () => {
    const { id, code } = await invited()
    const node = await newcomer(code)
    await until(() => progress(node)?.state === 'pending')
    const again = directoryRoomOf(node)
    again.joining = null
    const { joinUntilDone } = await import('../joining.ts')
    const { readBootstrap } = await import('../bootstrap.ts')
    const stopping = new AbortController()
    const asking = joinUntilDone(node.node, readBootstrap(node.node), stopping.signal)
    await until(() => progress(node)?.state === 'pending')
    expect((await standing(id)).contested).toBe(0)
    await approve(id, ownFingerprint(node.node))
    await until(() => progress(node)?.state === 'joined')
    stopping.abort()
    await asking
  })

  it('is told who refused it and why, and asks no more', async () => {
    const { id, code } = await invited()
    const node = await newcomer(code)
    await until(() => progress(node)?.state === 'pending')
    await decideInvitation(centre.node, anna, id, { kind: 'refused', fingerprint: null, reason: '该单位未列入本年度接入计划' })
    await until(() => progress(node)?.state === 'stopped')
    expect([progress(node)?.fault?.code, progress(node)?.fault?.detail['reason']]).toEqual(['directory.joinRefused', '该单位未列入本年度接入计划'])
    await expect(approve(id, ownFingerprint(node.node))).rejects.toMatchObject({ code: 'directory.notWaiting' })
  })
})

describe('a code', () => {
  it('that was withdrawn, or has expired, is told as such', async () => {
    const [withdrawn, expired] = [await invited(), await invited()]
    await decideInvitation(centre.node, anna, withdrawn.id, { kind: 'withdrawn', fingerprint: null, reason: '' })
    await expect(askInvitation(suites, withdrawn.code)).rejects.toMatchObject({ code: 'directory.codeWithdrawn' })
    centre.clock.advance(8 * 24 * 3600_000)
    await expect(askInvitation(suites, expired.code)).rejects.toMatchObject({ code: 'directory.codeExpired' })
    expect(await faultOf(await newcomer(expired.code))).toBe('directory.codeExpired')
  })

  it('in two hands lets in neither by itself: the second is refused, the desk sees that there were two', async () => {
    const { id, code } = await invited()
    const honest = await newcomer(code)
    await until(() => progress(honest)?.state === 'pending')
    const thief = await newcomer(code)
    expect(await faultOf(thief)).toBe('directory.codeTaken')
    const { contested, asked } = await standing(id)
    expect([contested, asked?.fingerprint]).toEqual([1, ownFingerprint(honest.node)])
    // Whoever was first, an approval is of the fingerprint that was compared, never of another machine's.
    await expect(approve(id, ownFingerprint(thief.node))).rejects.toMatchObject({ code: 'directory.otherFingerprint' })
    await approve(id, ownFingerprint(honest.node))
    await until(() => progress(honest)?.state === 'joined')
    await expect(askInvitation(suites, code)).rejects.toMatchObject({ code: 'directory.codeUsed' })
    expect(await faultOf(await newcomer(code))).toBe('directory.joinedAlready')
  })

  it('does not do for another node, under another root, at another server, or with another secret', async () => {
    const { code } = await invited()
    const secret = 'AAAAAAAAAAAAAAAAAAAAAA'
    await expect(askInvitation(suites, { ...code, node: 'somebody-else' })).rejects.toMatchObject({ code: 'directory.badCode' })
    await expect(askInvitation(suites, { ...code, secret })).rejects.toMatchObject({ code: 'directory.badCode' })
    await expect(askInvitation(suites, { ...code, anchor: 'ab'.repeat(32) })).rejects.toMatchObject({ code: 'directory.wrongAnchor' })
    await expect(askInvitation(suites, { ...code, url: 'https://127.0.0.1:9' })).rejects.toMatchObject({ code: 'directory.peerUnreachable' })
    expect(await faultOf(await newcomer(code, { secret }))).toBe('directory.badCode')
  })

  it('shown to somebody in between is worth nothing, and the parent tells that there is one', async () => {
    const { id, code } = await invited()
    const { address, close } = await standBetween(centre.node)
    try {
      await expect(askInvitation(suites, { ...code, url: address })).rejects.toMatchObject({ code: 'directory.inBetween' })
      expect(await faultOf(await newcomer(code, { url: address }))).toBe('directory.inBetween')
    } finally {
      await close()
    }
    expect((await standing(id)).state).toBe('invited')
    expect((await acts('directory.inBetween')).length).toBeGreaterThan(0)
  })

  it('is kept as a hash only, and given to a node id once at a time', async () => {
    const { code, lines } = await invited()
    const { rows } = await centre.node.database.pool.query(`select set_config('postroad.service', 'directory', false), (select string_agg(i::text, '') from directory.invitation i) as text`)
    const text = String(rows[0]?.text)
    for (const secret of [code.secret, Buffer.from(code.secret, 'base64url').toString('hex'), ...lines]) expect(text).not.toContain(secret)
    await expect(invited(code.node)).rejects.toMatchObject({ code: 'directory.invitedAlready' })
    await expect(invited('centre')).rejects.toMatchObject({ code: 'directory.nodeExists' })
    await expect(decideInvitation(centre.node, anna, randomUUID(), { kind: 'withdrawn', fingerprint: null, reason: '' })).rejects.toMatchObject({ code: 'directory.noInvitation' })
  })
})

const directoryRoomOf = ({ node }: RoadNode) => node.slots.get(directoryRoom)
