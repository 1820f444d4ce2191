import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suites } from '@postroad/gm/node'
import { files } from '@postroad/files/plugin'
import { personOf, type TestNode, testNode } from '@postroad/kernel/testing'
import { ledger } from '@postroad/ledger/plugin'
import { startPacking } from '@postroad/waybill'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createClient } from './client.ts'
import { fault, TerminalFault } from './fault.ts'
import { discardPacking, openPacking, type Packing } from './packing.ts'
import type { Post } from './post.ts'
import type { Draft, DraftFile, PackingMemory, PackingState } from './types.ts'

const MIB = 1024 * 1024
const person = personOf('somebody', ['organ'])
const suite = suites.SM
const own = { key: 'organ.sm', ...suite.generateKeyPair() }
const content = new Uint8Array(randomBytes(5 * MIB + 1234))
const at = '2026-06-01T01:00:00.000Z'

let node: TestNode
let sent = 0
let kept: { state: PackingState; hashes: string[] } | null = null
beforeAll(async () => {
  node = await testNode([ledger, files], { listen: true })
  await node.injectAs(person, { method: 'GET', url: '/api/files/uploads/none' }) // makes the person known to the test's sign-in
})
afterAll(() => node.stop())
beforeEach(() => void ([sent, kept] = [0, null]))

/** What outlives a page: the browser's own store. */
const memory: PackingMemory = {
  read: async (clientId) => (kept?.state.clientId === clientId ? structuredClone(kept) : null),
  begin: async (state) => void (kept = { state, hashes: kept?.state.message === state.message ? kept.hashes : [] }),
  keep: async (_, index, hash) => void (kept?.hashes.splice(index, 1, hash)),
  forget: async () => void (kept = null),
}

/** A page's terminal, as far as packing needs it; another one after each reload. `unwrap` is what the organ's opened keys do. */
const page = (): Post => {
  const call: typeof fetch = (input, init = {}) => {
    if (init.method === 'PATCH') sent += (init.body as Uint8Array).length
    return fetch(input, { ...init, headers: { ...(init.headers as Record<string, string>), 'x-test-person': person.session } })
  }
  const keys = { use: async (work: (channel: unknown, organ: string) => unknown) => work({ unwrap: async (_: string, wraps: { wrap: Uint8Array }[]) => wraps.map(({ wrap }) => suite.unwrap(own, wrap)) }, 'organ') }
  return { client: createClient({ base: node.address ?? '', fetch: call, csrf: () => 'test-token' }), suites, suite: 'SM', keys, actor: () => ({ person: 'somebody', name: '', post: '', organ: 'organ' }), packing: memory } as unknown as Post
}
const file = (bytes: Uint8Array): DraftFile => ({ name: '会议录像.mp4', mediaType: 'video/mp4', bytes: bytes.length, stream: () => new Blob([bytes as BlobPart]).stream() as ReadableStream<Uint8Array> })
const draftOf = (bytes: Uint8Array): Draft => ({ clientId: '7f0e4c1e-0000-4000-8000-000000000001', name: '', title: '', number: '', printedTo: '', printedCc: '', recipients: [], urgency: 'normal', label: 0, files: [file(bytes)] })
const open = (bytes: Uint8Array, post = page()): Promise<Packing> => openPacking(post, draftOf(bytes), { suite, own, at }, {})

/** Packs until done, or until so many chunks were taken: then the page is gone. */
async function packAll(packing: Packing, bytes: Uint8Array, most = Number.POSITIVE_INFINITY): Promise<readonly string[]> {
  const packer = startPacking(suite, packing.message, packing.contentKey)
  packer.openPart('会议录像.mp4', 'video/mp4')
  const hashes: string[] = []
  for (let from = 0; from < bytes.length && hashes.length < most; from += 300_000) {
    for (const chunk of packer.write(bytes.subarray(from, from + 300_000))) hashes.push(await packing.take(chunk).then(() => chunk.hash))
  }
  if (hashes.length < most) for (const chunk of packer.closePart()) hashes.push(await packing.take(chunk).then(() => chunk.hash))
  return hashes
}

describe('a large dispatch', () => {
  it('goes on after the page was gone: same id, same key, and nothing that the node has is sent again', async () => {
    const first = await open(content)
    await packAll(first, content, 3)
    const before = sent
    expect(before).toBeGreaterThan(3 * MIB)
    const again = await open(content)
    expect([again.message, [...again.contentKey]]).toEqual([first.message, [...first.contentKey]])
    const hashes = await packAll(again, content)
    const { uploadId } = await again.finish()
    expect(sent).toBe(kept?.state.total) // both pages together sent each byte once
    const whole = await readFile(join(node.home, 'uploads', uploadId ?? ''))
    expect(whole.length).toBe(kept?.state.total)
    expect(hashes).toEqual(kept?.hashes)
    await again.done()
    expect(kept).toBeNull()
  })

  it('never seals other content under a key that it used: one changed byte ends the attempt, the next begins anew', async () => {
    const first = await open(content)
    await packAll(first, content, 3)
    const changed = content.slice()
    changed[2 * MIB + 5] = (changed[2 * MIB + 5] ?? 0) ^ 1
    const before = sent
    const again = await open(changed)
    const thrown = await packAll(again, changed).catch((error: unknown) => error)
    expect((thrown as TerminalFault).code).toBe('terminal.fileChanged')
    expect(sent).toBe(before)
    await again.failed(thrown)
    const third = await open(changed)
    expect([...third.contentKey]).not.toEqual([...first.contentKey])
  })

  it('does not trust an upload of which it remembers less than the node has', async () => {
    await packAll(await open(content), content, 3)
    kept?.hashes.pop() // a browser that lost its last write
    const again = await open(content)
    await expect(packAll(again, content)).rejects.toMatchObject({ code: 'terminal.fileChanged' })
  })

  it('keeps what was begun through a lost line and a pause, and takes it back when it is given up', async () => {
    const first = await open(content)
    await packAll(first, content, 2)
    await first.failed(fault('cancelled'))
    await first.failed(fault('offline'))
    expect(kept).not.toBeNull()
    await discardPacking(page(), kept?.state.clientId ?? '')
    expect(kept).toBeNull()
    await packAll(await open(content), content, 1)
    const refused = new TerminalFault({ code: 'road.labelTooHigh', message: '', advice: '', status: 422 })
    await (await open(content)).failed(refused)
    expect(kept).toBeNull()
  })
})
