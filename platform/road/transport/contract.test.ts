import { issueCertificate, pem, privateKeyPem } from '@postroad/gm/certificate'
import { suites } from '@postroad/gm/node'
import { afterEach, describe, expect, it } from 'vitest'
import { freePort } from '@postroad/kernel/testing'
import { httpsTransport } from './https.ts'
import { memoryNetwork } from './memory.ts'
import { type ArrivedRequest, BodyCut, LinkFailure, type LinkTransport, type WireHandler, jsonReply, readAll } from './port.ts'

type Party = { readonly transport: LinkTransport; readonly endpoint: string; readonly certificate: Uint8Array }
type Adapter = { readonly name: string; party(name: string): Promise<Party> }

function identity(commonName: string): { key: string; cert: string; certificate: Uint8Array } {
  const keyPair = suites.P256.generateKeyPair()
  const certificate = issueCertificate(suites.P256, { name: { commonName }, keyPair }, { commonName, publicKey: keyPair.publicKey }, { serial: '01', notBefore: new Date('2020-01-01'), notAfter: new Date('2040-01-01'), usage: 'tls' })
  return { key: privateKeyPem(suites.P256, keyPair), cert: pem('CERTIFICATE', certificate), certificate }
}

function adapters(): Adapter[] {
  const memory = memoryNetwork()
  return [
    {
      name: 'https',
      async party(name) {
        const own = identity(name)
        const port = await freePort()
        return { transport: httpsTransport({ identity: () => own, host: '127.0.0.1', port, patienceMs: 5000 }), endpoint: `https://127.0.0.1:${port}`, certificate: own.certificate }
      },
    },
    {
      name: 'memory',
      async party(name) {
        const { certificate } = identity(name)
        return { transport: memory.transport(`memory:${name}`, () => certificate), endpoint: `memory:${name}`, certificate }
      },
    },
  ]
}

const text = (value: string): Uint8Array => Buffer.from(value)
const put = (body: Uint8Array | AsyncIterable<Uint8Array> | readonly Uint8Array[], length: number, headers: Record<string, string> = {}) => ({ method: 'PUT' as const, path: '/a/b', type: 'text/plain', headers, length, body })

for (const adapter of adapters()) {
  describe(`transport by ${adapter.name}`, () => {
    const open: Party[] = []
    afterEach(async () => {
      await Promise.all(open.splice(0).map(({ transport }) => transport.close()))
    })
    const pair = async (handler: WireHandler): Promise<[Party, Party]> => {
      const [caller, callee] = [await adapter.party(`caller${Math.random()}`), await adapter.party(`callee${Math.random()}`)]
      open.push(caller, callee)
      await callee.transport.serve(handler)
      return [caller, callee]
    }
    const addressOf = ({ endpoint, certificate }: Party) => ({ node: 'callee', endpoint, certificates: [certificate] })

    it('brings method, path, type, headers, length, body and the certificate, and takes back status and body', async () => {
      const seen: ArrivedRequest[] = []
      const [caller, callee] = await pair(async (request) => {
        seen.push(request)
        return { status: 207, body: (await readAll(request.body, 100)) ?? text('too long') }
      })
      const reply = await caller.transport.request(addressOf(callee), put(text('hello'), 5, { 'x-node': 'n' }))
      expect([reply.status, Buffer.from(reply.body).toString()]).toEqual([207, 'hello'])
      expect(seen[0]).toMatchObject({ method: 'PUT', path: '/a/b', type: 'text/plain', length: 5 })
      expect(seen[0]?.headers['x-node']).toBe('n')
      expect(Buffer.from(seen[0]?.certificate ?? []).equals(caller.certificate)).toBe(true)
    })

    it('carries pieces and streams, also large ones, and many at a time', async () => {
      const [caller, callee] = await pair(async (request) => {
        let bytes = 0
        for await (const piece of request.body) bytes += piece.length
        return jsonReply(200, { bytes })
      })
      const piece = new Uint8Array(700_000).fill(7)
      const stream = async function* () {
        for (let i = 0; i < 10; i += 1) yield piece
      }
      const replies = await Promise.all([
        caller.transport.request(addressOf(callee), put(stream(), 7_000_000)),
        caller.transport.request(addressOf(callee), put([piece, text('x')], 700_001)),
        ...Array.from({ length: 100 }, (_, i) => caller.transport.request(addressOf(callee), put(new Uint8Array(i), i))),
      ])
      expect(replies.slice(0, 3).map(({ body }) => JSON.parse(Buffer.from(body).toString()))).toEqual([{ bytes: 7_000_000 }, { bytes: 700_001 }, { bytes: 0 }])
      expect(replies.every(({ status }) => status === 200)).toBe(true)
    })

    it('refuses a callee that shows another certificate, before anything is sent', async () => {
      let called = false
      const [caller, callee] = await pair(async () => ((called = true), jsonReply(200, {})))
      const [other] = await pair(async () => jsonReply(200, {}))
      await expect(caller.transport.request({ ...addressOf(callee), certificates: [other.certificate] }, put(text('x'), 1))).rejects.toMatchObject({ reason: 'wrongCertificate' })
      expect(called).toBe(false)
    })

    it('fails when nobody is there', async () => {
      const [caller] = await pair(async () => jsonReply(200, {}))
      const nobody = await adapter.party('nobody')
      await expect(caller.transport.request(addressOf(nobody), put(text('x'), 1))).rejects.toMatchObject({ name: 'LinkFailure', reason: 'unreachable' })
    })

    it.each([0, 3, 6])('a body that breaks off after %i bytes is a cut on both sides', async (after) => {
      const failures: unknown[] = []
      const [caller, callee] = await pair(async (request) => {
        await readAll(request.body, 100).catch((error: unknown) => failures.push(error))
        return jsonReply(200, {})
      })
      const breaking = async function* () {
        if (after > 0) yield text('sixsix').subarray(0, after)
        await new Promise((resolve) => setTimeout(resolve, 50))
        throw new Error('power cut')
      }
      await expect(caller.transport.request(addressOf(callee), put(breaking(), 7))).rejects.toThrow()
      await expect.poll(() => failures[0]).toBeInstanceOf(BodyCut)
    })

    it('a body shorter or longer than announced never passes for whole', async () => {
      const outcomes: unknown[] = []
      const [caller, callee] = await pair(async (request) => {
        outcomes.push(await readAll(request.body, 100).catch((error: unknown) => error))
        return jsonReply(200, {})
      })
      await caller.transport.request(addressOf(callee), put(text('four'), 9)).catch(() => undefined)
      await caller.transport.request(addressOf(callee), put(text('four'), 2)).catch(() => undefined)
      expect(outcomes.some((outcome) => outcome instanceof Uint8Array)).toBe(false)
    })

    it('goes on after the callee was away', async () => {
      const [caller, callee] = await pair(async () => jsonReply(200, {}))
      await caller.transport.request(addressOf(callee), put(text('x'), 1))
      await callee.transport.close()
      await expect(caller.transport.request(addressOf(callee), put(text('x'), 1))).rejects.toBeInstanceOf(LinkFailure)
      await callee.transport.serve(async () => jsonReply(201, {}))
      await expect.poll(() => caller.transport.request(addressOf(callee), put(text('x'), 1)).then(({ status }) => status, () => 0)).toBe(201)
    })

    it('answers an error in the handler with 500 and nothing of it', async () => {
      const [caller, callee] = await pair(() => Promise.reject(new Error('secret')))
      const reply = await caller.transport.request(addressOf(callee), put(text('x'), 1))
      expect(reply.status).toBe(500)
      expect(Buffer.from(reply.body).toString()).not.toContain('secret')
    })
  })
}

