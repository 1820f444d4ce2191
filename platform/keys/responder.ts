import type { KeyPair, Suite, SuiteId, Suites } from '@postroad/gm'
import { Refusal } from '@postroad/kernel/errors'
import { CHANNEL_ID_BYTES, type ChannelKeys, channelKeys, FRAME, openFrame, readEnvelope, readHello, sealFrame, welcomeFrame } from './frames.ts'
import type { Keyring, UnlockedOrgan } from './keyring.ts'
import { ABSOLUTE_MS, IDLE_MS, MAX_CHANNELS, MAX_CHANNELS_PER_PERSON, type Note, nothingSeen, type Operation, operation, type Seen, see } from './model.ts'
import { signManifests, signReceipts, unwrap } from './operations.ts'
import { decodeParcel, encodeParcel, type Parcel } from './parcel.ts'
import { keysFaults } from './words.ts'

/** Whose request the web process relays: it binds the session's person, which the sealed `open` must name too. */
export type Sender = { readonly person: string; readonly session: string }
export type Answer = { readonly frame: Uint8Array; readonly note: Note }
type Opened = { readonly unlocked: UnlockedOrgan; readonly temporary: boolean; readonly since: number; used: number }
type Line = { readonly id: string; readonly suite: Suite; readonly keys: ChannelKeys; readonly sender: Sender; readonly opened: Map<string, Opened>; seen: Seen; used: number; readonly since: number }
type Told = { readonly header: object; readonly binaries?: readonly Uint8Array[]; readonly count: number }
export type Responder = ReturnType<typeof createResponder>

const isOver = (now: number, since: number, used: number) => now - used > IDLE_MS || now - since > ABSOLUTE_MS

/** The key process's end of all channels. `staticKeys`: its own key pair per suite; `forget` is called when an organ was closed: whatever else keeps private keys drops them. */
export function createResponder(suites: Suites, staticKeys: Readonly<Record<SuiteId, KeyPair>>, keyring: Keyring, now: () => number, forget: () => void = () => undefined) {
  const lines = new Map<string, Line>()

  function closeOrgan(line: Line, organ: string): void {
    const opened = line.opened.get(organ)
    if (opened === undefined) return
    opened.unlocked.wipe()
    line.opened.delete(organ)
    forget()
  }

  function end(line: Line): void {
    for (const organ of line.opened.keys()) closeOrgan(line, organ)
    for (const key of [line.keys.toProcess, line.keys.toTerminal]) key.fill(0)
    lines.delete(line.id)
  }

  /** Closes what is over. Called by a timer and before every use. */
  function sweep(): void {
    for (const line of lines.values()) {
      for (const [organ, { since, used }] of line.opened) if (isOver(now(), since, used)) closeOrgan(line, organ)
      if (isOver(now(), line.since, line.used)) end(line)
    }
  }

  function makeRoom(person: string): void {
    const mine = [...lines.values()].filter(({ sender }) => sender.person === person)
    if (mine.length >= MAX_CHANNELS_PER_PERSON) mine.toSorted((a, b) => a.used - b.used).slice(0, 1).forEach(end)
    if (lines.size >= MAX_CHANNELS) throw keysFaults.unavailable()
  }

  function welcome(sender: Sender, frame: Uint8Array): Answer {
    const hello = readHello(frame)
    const suite = hello === null ? null : suites[hello.suite]
    if (hello === null || suite === null || !suite.isPublicKey(hello.ephemeral)) throw keysFaults.malformed()
    const k1 = suite.unwrap(staticKeys[hello.suite], hello.wrapped)
    if (k1 === null) throw keysFaults.malformed()
    makeRoom(sender.person)
    const k2 = crypto.getRandomValues(new Uint8Array(32))
    const id = crypto.getRandomValues(new Uint8Array(CHANNEL_ID_BYTES))
    const answer = welcomeFrame(suite, k1, frame, id, suite.wrap(hello.ephemeral, k2))
    const keys = channelKeys(suite, k1, k2, frame, id)
    for (const secret of [k1, k2]) secret.fill(0)
    const name = Buffer.from(id).toString('hex')
    lines.set(name, { id: name, suite, keys, sender, opened: new Map(), seen: nothingSeen, used: now(), since: now() })
    return { frame: answer, note: { op: 'hello', organ: null, count: 1, outcome: 'done', code: null } }
  }

  /** The channel and the parcel of a request. What is refused here could not be read with the channel's key, so the answer isn't sealed either. */
  function receive(sender: Sender, frame: Uint8Array): { line: Line; sequence: bigint; parcel: Parcel } {
    const envelope = readEnvelope(frame, FRAME.request)
    if (envelope === null) throw keysFaults.malformed()
    const line = lines.get(Buffer.from(envelope.channel).toString('hex'))
    if (line === undefined || line.sender.person !== sender.person || line.sender.session !== sender.session) throw keysFaults.notOpen()
    const plain = openFrame(line.suite, line.keys.toProcess, frame)
    const parcel = plain === null ? null : decodeParcel(plain)
    plain?.fill(0)
    if (parcel === null) throw keysFaults.malformed()
    const seen = see(line.seen, envelope.sequence)
    if (seen === null) throw keysFaults.replayed()
    line.seen = seen
    line.used = now()
    return { line, sequence: envelope.sequence, parcel }
  }

  const openedOn = (line: Line, organ: string): UnlockedOrgan => {
    const opened = line.opened.get(organ)
    if (opened === undefined) throw keysFaults.notOpen()
    opened.used = now()
    return opened.unlocked
  }

  async function describe(line: Line, organ: string): Promise<object> {
    const opened = line.opened.get(organ)
    if (opened === undefined) throw keysFaults.notOpen()
    const until = (ms: number) => new Date(ms).toISOString()
    const { holders, keys } = await keyring.summary(organ)
    const { unlocked, temporary, since, used } = opened
    return { organ, person: unlocked.person, temporary, idleUntil: until(used + IDLE_MS), absoluteUntil: until(since + ABSOLUTE_MS), keys, holders }
  }

  async function openOrgan(line: Line, person: string, organ: string, secret: Uint8Array): Promise<Told> {
    if (person !== line.sender.person) throw keysFaults.wrongPerson()
    const { unlocked, temporary } = await keyring.unlock(organ, person, secret)
    closeOrgan(line, organ)
    if (!lines.has(line.id)) {
      unlocked.wipe() // the session ended while the secret was being tried
      throw keysFaults.notOpen()
    }
    line.opened.set(organ, { unlocked, temporary, since: now(), used: now() })
    return { header: { opened: await describe(line, organ) }, count: unlocked.keys.length }
  }

  async function removeHolder(line: Line, organ: string, person: string): Promise<Told> {
    await keyring.removeHolder(openedOn(line, organ), person)
    for (const each of lines.values()) {
      if (each.sender.person === person) closeOrgan(each, organ)
    }
    return { header: {}, count: 1 }
  }

  async function perform(line: Line, asked: Operation, binaries: readonly Uint8Array[]): Promise<Told> {
    const [first = new Uint8Array(), second = new Uint8Array()] = binaries
    switch (asked.op) {
      case 'open':
        return openOrgan(line, asked.person, asked.organ, first)
      case 'signManifests':
        return { header: {}, binaries: await signManifests(suites, keyring, openedOn(line, asked.organ), asked.suite, binaries), count: binaries.length / 2 }
      case 'signReceipts':
        return { header: { seals: signReceipts(suites, openedOn(line, asked.organ), asked.suite, binaries) }, count: binaries.length }
      case 'unwrap':
        return { header: {}, binaries: unwrap(suites, openedOn(line, asked.organ), asked.keys, binaries), count: binaries.length }
      case 'changeSecret':
        openedOn(line, asked.organ)
        await keyring.changeSecret(asked.organ, line.sender.person, first, second)
        return { header: {}, count: 1 }
      case 'addHolder':
        return { header: {}, binaries: [await keyring.addHolder(openedOn(line, asked.organ), asked.person)], count: 1 }
      case 'removeHolder':
        return removeHolder(line, asked.organ, asked.person)
      case 'bequeath': {
        const given = await keyring.bequeath(openedOn(line, asked.organ), { organ: asked.heir, key: asked.key, publicKey: first.slice() })
        return { header: { bequest: given }, count: given.keys.length }
      }
      case 'status':
        return { header: { opened: await Promise.all([...line.opened.keys()].map((organ) => describe(line, organ))) }, count: line.opened.size }
      case 'close':
        return { header: {}, count: line.opened.size }
    }
  }

  /** One request inside a channel. A refusal is sealed like any answer: the web process learns its code from the note, never its content. */
  async function respond(line: Line, sequence: bigint, parcel: Parcel): Promise<Answer> {
    const read = operation.safeParse(parcel.header)
    const organ = read.success && 'organ' in read.data ? read.data.organ : null
    const op = read.success ? read.data.op : 'unreadable'
    // Copies: closing the channel while this runs overwrites the line's own.
    const key = line.keys.toTerminal.slice()
    const channel = new Uint8Array(Buffer.from(line.id, 'hex'))
    const reply = (header: object, binaries: readonly Uint8Array[], note: Pick<Note, 'count' | 'outcome' | 'code'>): Answer => {
      const plain = encodeParcel(header, binaries)
      const frame = sealFrame(line.suite, key, FRAME.reply, channel, sequence, plain)
      for (const bytes of [plain, key, ...binaries]) bytes.fill(0)
      return { frame, note: { op, organ, ...note } }
    }
    try {
      if (!read.success) throw keysFaults.malformed()
      const told = await perform(line, read.data, parcel.binaries)
      const answered = reply({ ok: true, ...told.header }, told.binaries ?? [], { count: told.count, outcome: 'done', code: null })
      if (read.data.op === 'close') end(line)
      return answered
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      const { code, message, advice, detail } = error
      return reply({ ok: false, refusal: { code, message, advice, detail } }, [], { count: parcel.binaries.length, outcome: 'refused', code })
    } finally {
      for (const bytes of parcel.binaries) bytes.fill(0)
    }
  }

  return {
    /** Answers one relayed frame; throws a `Refusal` for what could not be read. */
    async relay(sender: Sender, frame: Uint8Array): Promise<Answer> {
      sweep()
      if (frame[0] === FRAME.hello) return welcome(sender, frame)
      const { line, sequence, parcel } = receive(sender, frame)
      return respond(line, sequence, parcel)
    },
    /** Ends every channel of a web session: it was signed out or revoked. */
    closeSession(session: string): number {
      const ended = [...lines.values()].filter(({ sender }) => sender.session === session)
      ended.forEach(end)
      return ended.length
    },
    /** How many organs have their keys open. */
    openOrgans(): number {
      sweep()
      return new Set([...lines.values()].flatMap(({ opened }) => [...opened.keys()])).size
    },
    sweep,
    closeAll: () => [...lines.values()].forEach(end),
  }
}
