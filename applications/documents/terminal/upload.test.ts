import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { files } from '@postroad/files/plugin'
import { personOf, type TestNode, testNode } from '@postroad/kernel/testing'
import { ledger } from '@postroad/ledger/plugin'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Client, createClient } from './client.ts'
import { beginUpload } from './upload.ts'

const person = personOf('somebody', ['organ'])

let node: TestNode
beforeAll(async () => {
  node = await testNode([ledger, files], { listen: true })
  await node.injectAs(person, { method: 'GET', url: '/api/files/uploads/none' }) // makes the person known to the test's sign-in
})
afterAll(() => node.stop())

/** A line to the real node on which `fail` may happen before a request. */
function clientWith(fail: (method: string, init: RequestInit) => Promise<void>): Client {
  const call: typeof fetch = async (input, init = {}) => {
    const headers = { ...(init.headers as Record<string, string>), 'x-test-person': person.session }
    await fail(init.method ?? 'GET', { ...init, headers })
    return fetch(input, { ...init, headers })
  }
  return createClient({ base: node.address ?? '', fetch: call, csrf: () => 'test-token' })
}
const stored = (id: string): Promise<Uint8Array> => readFile(join(node.home, 'uploads', id))
const bytes = (length: number, seed: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7 + seed) % 251)

describe('an upload', () => {
  it('arrives whole, piece by piece', async () => {
    const pieces = [bytes(100_000, 1), bytes(1, 2), bytes(70_000, 3)]
    const upload = await beginUpload(clientWith(async () => undefined), 170_001)
    for (const piece of pieces) await upload.write(piece)
    expect(Buffer.compare(await stored(upload.id), Buffer.concat(pieces))).toBe(0)
  })

  it('continues at the byte the node has after a line cut in the middle of a piece', async () => {
    const piece = bytes(200_000, 5)
    let patches = 0
    const told: boolean[] = []
    const upload = await beginUpload(clientWith(async (method, init) => {
      if (method !== 'PATCH' || ++patches !== 2) return
      // The first half reaches the node, the answer does not reach us.
      const half = (init.body as Uint8Array).slice(0, 90_000)
      await fetch(`${node.address ?? ''}/api/files/uploads/${upload.id}`, { method: 'PATCH', headers: init.headers as Record<string, string>, body: half })
      throw new TypeError('the line is gone')
    }), 400_000, { onWaiting: (waiting) => told.push(waiting) })
    await upload.write(piece)
    await upload.write(piece)
    expect(Buffer.compare(await stored(upload.id), Buffer.concat([piece, piece]))).toBe(0)
    expect(told).toEqual([true, false])
  })

  it('does not send again what arrived when only the answer was lost', async () => {
    const piece = bytes(50_000, 9)
    let sent = 0
    const upload = await beginUpload(clientWith(async (method, init) => {
      if (method !== 'PATCH') return
      sent += (init.body as Uint8Array).length
      await fetch(`${node.address ?? ''}/api/files/uploads/${upload.id}`, { method: 'PATCH', headers: init.headers as Record<string, string>, body: init.body as BodyInit })
      throw new TypeError('the line is gone')
    }), 50_000)
    await upload.write(piece)
    expect(sent).toBe(50_000)
    expect((await stored(upload.id)).length).toBe(50_000)
  })

  it('stops when cancelled, and refuses more than was announced', async () => {
    const cancel = new AbortController()
    const upload = await beginUpload(clientWith(async (method) => {
      if (method === 'PATCH') throw new TypeError('the line is gone')
    }), 10, { signal: cancel.signal, onWaiting: () => cancel.abort() })
    await expect(upload.write(bytes(10, 1))).rejects.toMatchObject({ code: 'terminal.cancelled' })
    await expect(upload.write(bytes(11, 1))).rejects.toMatchObject({ code: 'terminal.fileChanged' })
  })

  it('tells the node’s own refusal in its words', async () => {
    await expect(beginUpload(clientWith(async () => undefined), 9 * 1024 ** 3)).rejects.toMatchObject({ code: 'files.tooLarge', status: 413 })
  })
})
