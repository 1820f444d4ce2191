import { createHash } from 'node:crypto'
import { openAsBlob } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { setTimeout as wait } from 'node:timers/promises'
import type { BucketConfig } from '@postroad/kernel/config'
import { AwsClient } from 'aws4fetch'
import { writeAside } from './folder.ts'
import { type HashStore, requireHashName } from './model.ts'
import { filesFaults } from './words.ts'

const TRIES = 4
const FIRST_PAUSE_MS = 200
/** Longest silence of the store: chunks are at most 4 MiB. */
const PATIENCE_MS = 30_000
const AT_ONCE = 8
const LIST_ENTRY = /<Contents>.*?<Key>([^<]*)<\/Key>.*?<LastModified>([^<]*)<\/LastModified>.*?<\/Contents>/gs

type Answer = { readonly status: number; readonly body: Uint8Array }
type Asked = { readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE'; readonly path: string; readonly headers?: Readonly<Record<string, string>>; readonly body?: Uint8Array<ArrayBuffer> | Blob }

/**
 * A store in an S3 bucket (AWS, Ceph, MinIO and others that speak Signature 4). The signature covers the content's SHA-256 and the request its MD5,
 * so the store itself refuses bytes that were damaged on the way; what it answered 200 to is durable. Everything is tried again when the store
 * falters, which harms nothing: the same name always means the same content. Chunks of bodies are small, so nothing needs S3's multipart uploads.
 * @param kind a folder of the bucket: `files` or `chunks`
 * @param spool where streams of unknown hash are written first
 * @throws files.storeDown when the bucket cannot be reached or listed
 */
export async function openBucket(config: BucketConfig, kind: string, spool: string): Promise<HashStore> {
  const { accessKeyId, secretAccessKey, region, endpoint, bucket } = config
  const client = new AwsClient({ accessKeyId, secretAccessKey, region, service: 's3', retries: 0 })
  const prefix = `${config.prefix}${kind}/`
  const request = (asked: Asked): Promise<Answer> => insist(client, `${endpoint}/${bucket}${asked.path}`, asked)
  const pathOf = (name: string): string => {
    requireHashName(name)
    return `/${prefix}${name}`
  }
  /** S3's first way of listing: every store has it, and it goes on from a name instead of a token. */
  const page = (after: string, most: number): Promise<Answer> => request({ method: 'GET', path: `?${new URLSearchParams({ prefix, marker: after, 'max-keys': String(most) })}` })
  await mkdir(spool, { recursive: true, mode: 0o700 })
  await page('', 1).then(requireDone)
  const put = async (name: string, body: Uint8Array<ArrayBuffer> | Blob, hashes: Readonly<Record<string, string>>): Promise<void> =>
    requireDone(await request({ method: 'PUT', path: pathOf(name), headers: { 'content-type': 'application/octet-stream', ...hashes }, body }))
  return {
    put: (files) => inParallel(files, ({ name, bytes }) => {
      const content = new Uint8Array(bytes)
      return put(name, content, { 'x-amz-content-sha256': hashOf('sha256', content, 'hex'), 'content-md5': hashOf('md5', content, 'base64') })
    }),
    async receive(source) {
      const aside = await writeAside(spool, source)
      const drop = (): Promise<void> => rm(aside, { force: true })
      return { drop, keep: async (name) => {
        await put(name, await openAsBlob(aside), { 'x-amz-content-sha256': name })
        await drop()
      } }
    },
    async read(name) {
      const answer = await request({ method: 'GET', path: pathOf(name) })
      if (isNoSuchKey(answer)) return null
      requireDone(answer)
      return answer.body
    },
    async open(name) {
      const answer = await client.fetch(`${endpoint}/${bucket}${pathOf(name)}`).catch((error: unknown) => { throw down(error) })
      if (answer.status === 200 && answer.body !== null) return Readable.fromWeb(answer.body as ReadableStream)
      const told = { status: answer.status, body: new Uint8Array(await answer.arrayBuffer()) }
      if (isNoSuchKey(told)) return null
      throw down(codeOf(told))
    },
    async has(name) {
      const answer = await request({ method: 'HEAD', path: pathOf(name) })
      if (answer.status === 404) return false
      requireDone(answer)
      return true
    },
    remove: (names) => inParallel(names, async (name) => {
      const answer = await request({ method: 'DELETE', path: pathOf(name) })
      if (answer.status !== 404) requireDone(answer)
    }),
    async *list() {
      for (let after = '', isMore = true; isMore;) {
        const answer = await page(after, 1000)
        requireDone(answer)
        const text = new TextDecoder().decode(answer.body)
        for (const [, key = '', written = ''] of text.matchAll(LIST_ENTRY)) {
          const name = key.slice(prefix.length)
          if (/^[0-9a-f]{64}$/.test(name)) yield { name, written: new Date(written) }
          after = key
        }
        isMore = text.includes('<IsTruncated>true<') && text.includes('<Contents>')
      }
    },
  }
}

const hashOf = (algorithm: 'sha256' | 'md5', bytes: Uint8Array, encoding: 'hex' | 'base64'): string => createHash(algorithm).update(bytes).digest(encoding)
const down = (detail: unknown) => filesFaults.storeDown({ detail: detail instanceof Error ? ((detail.cause as Error | undefined)?.message ?? detail.message).slice(0, 200) : String(detail) })

/** The store's own word for what went wrong, for instance `NoSuchKey`. */
const codeOf = ({ status, body }: Answer): string => /<Code>([A-Za-z]+)<\/Code>/.exec(new TextDecoder().decode(body.subarray(0, 2000)))?.[1] ?? `HTTP ${status}`
/** A bucket that is gone is not a body that is gone. */
const isNoSuchKey = (answer: Answer): boolean => answer.status === 404 && codeOf(answer) === 'NoSuchKey'
/** Some stores answer 200 at once and fail in what follows; sealed bytes never look like this. */
const isErrorInside = ({ status, body }: Answer): boolean => status === 200 && body.length < 10_000 && /^\s*(<\?xml[^>]*>\s*)?<Error>/.test(new TextDecoder().decode(body))

function requireDone(answer: Answer): void {
  if (answer.status < 200 || answer.status >= 300) throw down(codeOf(answer))
}

/** Asks until the store gives a sound answer. @throws files.storeDown after some tries */
async function insist(client: AwsClient, url: string, asked: Asked): Promise<Answer> {
  let last: unknown = null
  for (let tried = 0; tried < TRIES; tried += 1) {
    if (tried > 0) await wait(FIRST_PAUSE_MS * 2 ** (tried - 1) * (0.5 + Math.random()))
    try {
      const answer = await once(client, url, asked)
      if (answer.status < 500 && answer.status !== 429 && !isErrorInside(answer)) return answer
      last = codeOf(answer)
    } catch (error) {
      last = error
    }
  }
  throw down(last)
}

async function once(client: AwsClient, url: string, { method, headers = {}, body }: Asked): Promise<Answer> {
  const answer = await client.fetch(url, { method, headers, signal: AbortSignal.timeout(PATIENCE_MS), ...(body === undefined ? {} : { body }) })
  const bytes = new Uint8Array(await answer.arrayBuffer())
  const promised = answer.headers.get('content-length')
  if (method !== 'HEAD' && promised !== null && Number(promised) !== bytes.length) throw new Error(`${bytes.length} of ${promised} bytes`)
  return { status: answer.status, body: bytes }
}

/** So many at a time; the first failure ends it, once what is under way has ended. */
async function inParallel<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < all.length; at += AT_ONCE) {
    const failed = (await Promise.allSettled(all.slice(at, at + AT_ONCE).map(work))).find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }
}
