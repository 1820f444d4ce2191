import { fromBase64url, type SuiteId, type Suites } from '@postroad/gm'
import { type Channel, ChannelRefusal, openChannel, type OpenedOrgan } from '@postroad/keys/channel'
import { z } from 'zod'
import type { Client } from './client.ts'
import { fault, TerminalFault } from './fault.ts'
import type { Bequest } from '@postroad/keys/model'
import type { Directory } from './directory.ts'
import type { Actor, Terminal } from './types.ts'

/** The organ's keys as one work session uses them. */
export type OrganKeys = Terminal['keys'] & {
  /** Work with the sealed line to the key process. @throws terminal.keysClosed */
  use<T>(work: (channel: Channel, organ: string) => Promise<T>): Promise<T>
}

const processKey = z.object({ publicKey: z.string(), fingerprint: z.string() })
const processKeys = z.object({ SM: processKey, P256: processKey })
const MAX_WRAPS = 500

/** Prepares the line; nothing is opened before `open`. `pinned` is the fingerprint of the key process, where the terminal knows it. */
export function createKeys(client: Client, suites: Suites, suite: SuiteId, actor: () => Actor, pinned: string | null): OrganKeys {
  let channel: Promise<Channel> | null = null
  let opened: OpenedOrgan | null = null
  // Every use lengthens the idle limit by the same time that opening gave.
  let [idleUntil, idleFor] = [0, 0]

  const connect = async (): Promise<Channel> => {
    const told = (await client.get('/api/keys/process', processKeys))[suite]
    if (pinned !== null && told.fingerprint !== pinned) throw fault('keyProcessChanged')
    return openChannel(suites, suite, fromBase64url(told.publicKey), (frame) => relay(client, frame))
  }
  const forget = (): void => {
    channel = null
    opened = null
  }
  const current = (): Promise<Channel> => {
    channel ??= connect()
    channel.catch(forget)
    return channel
  }
  const isOpen = (): boolean => opened !== null && opened.organ === actor().organ && Date.now() < Math.min(idleUntil, Date.parse(opened.absoluteUntil))
  const translated = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (thrown) {
      if (!(thrown instanceof ChannelRefusal)) throw thrown
      if (thrown.code === 'keys.notOpen') opened = null
      throw new TerminalFault({ code: thrown.code, message: thrown.message, advice: thrown.advice, detail: thrown.detail }, thrown)
    }
  }
  return {
    isOpen,
    until: () => (opened === null ? null : { idle: new Date(idleUntil).toISOString(), absolute: opened.absoluteUntil }),
    isTemporary: () => opened?.temporary === true,
    open: (secret) => translated(async () => {
      const { person, organ } = actor()
      // A channel dies with the key process or after a long pause; a fresh one costs one exchange.
      opened = await (await current()).open(person, organ, secret).catch(async (thrown: unknown) => {
        if (thrown instanceof ChannelRefusal) throw thrown
        forget()
        return (await current()).open(person, organ, secret)
      })
      idleUntil = Date.parse(opened.idleUntil)
      idleFor = idleUntil - Date.now()
    }),
    changeSecret: (before, next) => translated(async () => (await current()).changeSecret(actor().organ, before, next)),
    close: async () => {
      const ending = channel
      forget()
      await (await ending)?.close()
    },
    use: (work) => translated(async () => {
      if (!isOpen()) throw fault('keysClosed')
      const done = await work(await current(), actor().organ)
      idleUntil = Date.now() + idleFor
      return done
    }),
  }
}

/** Gives the acting organ's keys for decrypting to its heir, as the verified directory names it. */
export async function handOverKeys(post: { readonly keys: OrganKeys; readonly directory: Directory; now(): Date }, heir: string): Promise<Bequest> {
  const { view } = await post.directory.current()
  const [key] = view.keysOf(heir, 'encrypt', 'SM', post.now().toISOString())
  if (key === undefined) throw fault('recipientNoKey', { organ: heir })
  return post.keys.use((channel, organ) => channel.bequeath(organ, heir, key.key, fromBase64url(key.publicKey)))
}

/** Content keys of many messages in few calls; null where the organ has no key for a wrap. */
export async function unwrapAll(keys: OrganKeys, wraps: readonly { readonly key: string; readonly wrap: string }[]): Promise<(Uint8Array | null)[]> {
  const found: (Uint8Array | null)[] = []
  for (let at = 0; at < wraps.length; at += MAX_WRAPS) {
    const some = wraps.slice(at, at + MAX_WRAPS).map(({ key, wrap }) => ({ key, wrap: fromBase64url(wrap) }))
    found.push(...(await keys.use((channel, organ) => channel.unwrap(organ, some))))
  }
  return found
}

async function relay(client: Client, frame: Uint8Array): Promise<Uint8Array> {
  const answer = await client.raw('/api/keys/relay', { method: 'POST', headers: { 'content-type': 'application/octet-stream', accept: 'application/octet-stream' }, body: frame })
  if (!answer.ok) throw await client.refusal(answer)
  return new Uint8Array(await answer.arrayBuffer())
}
