import { once } from 'node:events'
import { type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readConfig } from '@postroad/kernel/config'
import { freePort, until } from '@postroad/kernel/testing'
import { readTraceparent } from '@postroad/kernel/trace'
import { inbox } from '@postroad/road/service'
import { type Network, clerk, startNetwork } from '@postroad/road/testing/network'
import { send } from '@postroad/road/testing/terminal'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { watch } from './plugin.ts'

type Span = { readonly node: string; readonly name: string; readonly traceId: string; readonly spanId: string; readonly parentSpanId?: string; readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[] }
type Sent = { resourceSpans: { resource: { attributes: Span['attributes'] }; scopeSpans: { spans: Omit<Span, 'node'>[] }[] }[] }

const TOKEN = 'a-token-that-is-long-enough-for-this'
const spans: Span[] = []
let collector: Server
let network: Network
let port: number
let message: string
const textOf = (attributes: Span['attributes'], key: string): unknown => Object.values(attributes.find((one) => one.key === key)?.value ?? {})[0]

/** Takes spans as a collector does: OTLP over HTTP, as JSON. */
beforeAll(async () => {
  collector = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    for (const { resource, scopeSpans } of (JSON.parse(Buffer.concat(parts).toString('utf8')) as Sent).resourceSpans) {
      for (const span of scopeSpans.flatMap((scope) => scope.spans)) spans.push({ ...span, node: String(textOf(resource.attributes, 'service.instance.id')) })
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  await once(collector.listen(0, '127.0.0.1'), 'listening')
  port = await freePort()
  network = await startNetwork([
    { id: 'province', parent: null, organs: ['p.party'], config: { metrics: { host: '127.0.0.1', port, token: TOKEN } } },
    { id: 'city', parent: 'province', organs: ['c.party'] },
  ], { rooms: [watch], config: { traces: { endpoint: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`, ratio: 1 } } })
  message = await send(network, network.at('province'), 'p.party', ['c.party'], { urgency: 'urgent' })
  await until(async () => (await network.at('city').node.transaction(clerk('c.party'), (tx) => inbox(tx, { limit: 1 }))).length === 1)
})
afterAll(async () => {
  await network?.stop()
  collector.close()
})

describe('metrics', () => {
  const scrape = (path: string, token?: string) => fetch(`http://127.0.0.1:${port}${path}`, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })

  it('are shown to whoever has the token, at one address, to nobody else', async () => {
    expect((await scrape('/metrics')).status).toBe(401)
    expect((await scrape('/metrics', `${TOKEN}x`)).status).toBe(401)
    expect((await scrape('/', TOKEN)).status).toBe(404)
    expect((await fetch(`http://127.0.0.1:${port}/metrics`, { method: 'POST', headers: { authorization: `Bearer ${TOKEN}` } })).status).toBe(404)
    expect((await scrape('/metrics', TOKEN)).headers.get('content-type')).toContain('text/plain')
  })

  it('tell of links, queues, commits, receipts, certificates, disks, database and key process, and name no message', async () => {
    await until(async () => (await (await scrape('/metrics', TOKEN)).text()).includes('postroad_receipts_total{kind="arrived"} 1'))
    const text = await (await scrape('/metrics', TOKEN)).text()
    for (const line of [
      'postroad_up 1', 'postroad_keys_up 1', 'postroad_link_failing{peer="city"} 0', 'postroad_shipments_handed_total{peer="city"} 1', 'postroad_receipts_total{kind="custody"} 1',
      'postroad_directory_logs{freshness="normal"} 2', 'postroad_deliveries{where="sent"} 1',
    ]) expect(text.split('\n')).toContain(line)
    for (const name of ['postroad_link_silence_seconds{peer="city"}', 'postroad_certificate_left_seconds{kind="organ"}', 'postroad_disk_free_bytes{volume=', 'postroad_database_bytes', 'postroad_writer_commit_seconds_count', 'postroad_process_loop_seconds']) expect(text).toContain(name)
    expect(text).not.toContain(message)
    expect(text).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-7/)
  })
})

describe('traces', () => {
  const named = (name: string, node: string): Span | undefined => spans.find((span) => span.name === name && span.node === node && (textOf(span.attributes, 'postroad.message') ?? message) === message)

  it('follow a document by its id: submitted and committed here, offered over the link, taken in and committed there', async () => {
    await until(() => ['road.submit', 'road.offer'].every((name) => named(name, 'province') !== undefined) && named('road.takeIn', 'city') !== undefined)
    const [submit, offer, takeIn] = [named('road.submit', 'province'), named('road.offer', 'province'), named('road.takeIn', 'city')]
    expect(spans.find(({ name, parentSpanId }) => name === 'road.commit' && parentSpanId === submit?.spanId)?.traceId).toBe(submit?.traceId)
    expect([takeIn?.traceId, takeIn?.parentSpanId]).toEqual([offer?.traceId, offer?.spanId])
    expect(spans.find(({ name, parentSpanId }) => name === 'road.commit' && parentSpanId === takeIn?.spanId)?.node).toBe('city')
    expect(textOf(takeIn?.attributes ?? [], 'postroad.arrived')).toBe(1)
    expect(offer?.traceId).not.toBe(submit?.traceId) // what goes over the link is a number of that request alone
  })

  it('say nothing but ids of messages and nodes, kinds, counts and codes', () => {
    const keys = new Set(spans.flatMap(({ attributes }) => attributes.map(({ key }) => key)))
    const allowed = ['postroad.message', 'postroad.peer', 'postroad.urgency', 'postroad.attempt', 'postroad.arrived', 'postroad.kind', 'postroad.receipts']
    expect([...keys].filter((key) => !allowed.includes(key))).toEqual([])
  })

  it('take of a peer’s header two numbers in exactly the standard’s form, and nothing of anything else', () => {
    const hex = (length: number) => fc.array(fc.constantFrom(...'0123456789abcdef'), { minLength: length, maxLength: length }).map((digits) => digits.join(''))
    fc.assert(fc.property(hex(32), hex(16), hex(2), (traceId, spanId, flags) => {
      const read = readTraceparent(`00-${traceId}-${spanId}-${flags}`)
      if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) expect(read).toBeNull()
      else expect(read).toMatchObject({ traceId, spanId, traceFlags: 0, isRemote: true })
    }))
    fc.assert(fc.property(fc.oneof(fc.string(), fc.string().map((text) => `00-${text}`)), (text) => {
      expect(readTraceparent(text)).toBeNull()
    }))
    const good = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
    for (const wrong of [undefined, '', good.toUpperCase(), `${good}-x`, ` ${good}`, good.replace('00-', 'ff-'), `${good}\n`]) expect(readTraceparent(wrong)).toBeNull()
  })
})

describe('the configuration', () => {
  const env = { POSTROAD_NODE: 'n', POSTROAD_HOME: '/tmp/n' }

  it('has metrics and traces off, and refuses to serve metrics to other machines without a token', () => {
    expect(readConfig(env)).toMatchObject({ metrics: null, traces: null })
    expect(readConfig({ ...env, POSTROAD_METRICS_PORT: '9464' }).metrics).toEqual({ host: '127.0.0.1', port: 9464, token: null })
    expect(() => readConfig({ ...env, POSTROAD_METRICS_PORT: '9464', POSTROAD_METRICS_HOST: '0.0.0.0' })).toThrow('POSTROAD_METRICS_TOKEN')
    expect(readConfig({ ...env, POSTROAD_METRICS_PORT: '9464', POSTROAD_METRICS_HOST: '0.0.0.0', POSTROAD_METRICS_TOKEN: TOKEN }).metrics?.token).toBe(TOKEN)
    expect(() => readConfig({ ...env, OTEL_EXPORTER_OTLP_ENDPOINT: 'file:///etc/passwd' })).toThrow('OTEL_EXPORTER_OTLP_ENDPOINT')
  })
})
