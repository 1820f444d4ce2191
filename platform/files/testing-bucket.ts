import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type IncomingMessage, type Server, type ServerResponse, createServer, request as ask } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import type { BucketConfig } from '@postroad/kernel/config'
import { type TestStore, startCeph } from './testing-ceph.ts'

type S3rver = { run(): Promise<AddressInfo>; close(): Promise<void> }
const require = createRequire(import.meta.url)
const S3rver = require('s3rver') as new (options: object) => S3rver // it comes without types

/** What happens to a request on its way to the store; null: nothing. */
export type BucketFault = 'serverError' | 'slowDown' | 'cut' | 'errorInside' | 'halfAnswer' | null
export type TestBucket = {
  readonly config: BucketConfig
  /** Called for every request: its fault, and how it looked. */
  fault: (request: { readonly method: string; readonly path: string }) => BucketFault
  stop(): Promise<void>
}

const ERROR = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>'

/** An S3 store with one bucket, behind a door at which requests can be made to fail: s3rver, or with POSTROAD_TEST_STORE=ceph a Ceph of Debian's packages. */
export async function startBucket(): Promise<TestBucket> {
  const { port, accessKeyId, secretAccessKey, stop } = await (process.env['POSTROAD_TEST_STORE'] === 'ceph' ? startCeph() : startS3rver())
  const bucket: { fault: TestBucket['fault'] } = { fault: () => null }
  const door = createServer((request, response) => void pass(port, bucket.fault, request, response)).listen(0, '127.0.0.1')
  await once(door, 'listening')
  const config = { endpoint: `http://127.0.0.1:${(door.address() as AddressInfo).port}`, bucket: 'bodies', prefix: 'node/', region: 'us-east-1', accessKeyId, secretAccessKey }
  return Object.assign(bucket, {
    config,
    stop: async () => {
      await close(door)
      await stop()
    },
  })
}

async function startS3rver(): Promise<TestStore> {
  const folder = mkdtempSync(join(tmpdir(), 'postroad-bucket-'))
  const store = new S3rver({ port: 0, address: '127.0.0.1', silent: true, directory: folder, configureBuckets: [{ name: 'bodies', configs: [] }] })
  const { port } = await store.run()
  return { port, accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER', stop: async () => {
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  } }
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
}

async function pass(port: number, faultOf: TestBucket['fault'], request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [method, path] = [request.method ?? '', request.url ?? '']
  const fault = faultOf({ method, path })
  if (fault === 'cut') return void request.socket.destroy()
  const body = await buffer(request)
  if (fault === 'serverError' || fault === 'slowDown') return void response.writeHead(fault === 'slowDown' ? 503 : 500, { 'content-type': 'application/xml' }).end(ERROR)
  if (fault === 'errorInside') return void response.writeHead(200, { 'content-type': 'application/xml' }).end(ERROR)
  // with the caller's own `host`: the signature covers it
  const onward = ask({ port, host: '127.0.0.1', method, path, headers: { ...request.headers, connection: 'close' } })
  onward.end(body)
  const [answer] = (await once(onward, 'response')) as [IncomingMessage]
  const bytes = await buffer(answer)
  const told = Object.fromEntries(Object.entries(answer.headers).filter(([name]) => !['connection', 'keep-alive', 'transfer-encoding', 'content-length'].includes(name)))
  response.writeHead(answer.statusCode ?? 500, { ...told, ...(method === 'HEAD' ? {} : { 'content-length': String(bytes.length) }) })
  if (fault !== 'halfAnswer') return void response.end(bytes)
  response.write(bytes.subarray(0, bytes.length / 2), () => request.socket.destroy())
}
