import { hashRaw } from '@node-rs/argon2'
import type { KeyPair, SuiteId, Suites } from '@postroad/gm'
import { type Attempts, type Bequest, type HolderRecord, type InheritedKey, isStrongSecret, KDF_CHOSEN, KDF_GENERATED, type OrganKeyRecord, type OrganRecord, type PublicOrganKey, secretFrom, waitAfter } from './model.ts'
import type { KeyFolder } from './store.ts'
import { keysFaults } from './words.ts'

export type UnlockedKey = { readonly key: string; readonly purpose: 'sign' | 'encrypt'; readonly suite: SuiteId; readonly keyPair: KeyPair }
/** An organ's keys in the clear, inside the key process only. `wipe` overwrites them. */
export type UnlockedOrgan = { readonly organ: string; readonly person: string; readonly organKey: Uint8Array; readonly keys: readonly UnlockedKey[]; wipe(): void }
export type OrganSummary = { readonly organ: string; readonly holders: readonly string[]; readonly keys: readonly PublicOrganKey[] }
export type Keyring = ReturnType<typeof createKeyring>

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
const utf8 = (text: string) => new TextEncoder().encode(text)
const text64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')
const bytes64 = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'))

/** Organ keys at rest and the limits on opening them. All changes of one organ happen one after another. */
export function createKeyring(folder: KeyFolder, suites: Suites, now: () => number) {
  const at = new Map<string, Promise<unknown>>()
  /** One change of an organ at a time. */
  async function inTurn<T>(organ: string, work: () => Promise<T>): Promise<T> {
    const before = at.get(organ) ?? Promise.resolve()
    const mine = before.then(work, work)
    at.set(organ, mine)
    try {
      return await mine
    } finally {
      if (at.get(organ) === mine) at.delete(organ)
    }
  }
  // Sealed records as on disk; this process is the only one that writes them.
  const records = new Map<string, OrganRecord>()
  const find = async (organ: string): Promise<OrganRecord | null> => {
    const record = records.get(organ) ?? (await folder.readOrgan(organ))
    if (record !== null) records.set(organ, record)
    return record
  }
  const known = async (organ: string): Promise<OrganRecord> => {
    const record = await find(organ)
    if (record === null) throw keysFaults.unknownOrgan()
    return record
  }
  const keep = async (record: OrganRecord): Promise<void> => {
    await folder.writeOrgan(record)
    records.set(record.organ, record)
  }

  // Sealed with the SM suite whatever the keys' own suite: one way to do a thing.
  const sealBox = (key: Uint8Array, plain: Uint8Array, about: string) => {
    const nonce = random(12)
    return { nonce: text64(nonce), sealed: text64(suites.SM.seal(key, nonce, plain, utf8(about))) }
  }
  const openBox = (key: Uint8Array, box: { nonce: string; sealed: string }, about: string) => suites.SM.open(key, bytes64(box.nonce), bytes64(box.sealed), utf8(about))
  const aboutHolder = (organ: string, person: string) => `postroad/keys/1/holder\0${organ}\0${person}`
  const aboutBequest = (from: string, to: string, key: string) => `postroad/keys/1/bequest\0${from}\0${to}\0${key}`
  const aboutKey = (organ: string, key: string) => `postroad/keys/1/private\0${organ}\0${key}`

  async function holderFor(organ: string, person: string, organKey: Uint8Array, secret: Uint8Array, temporary: boolean): Promise<HolderRecord> {
    const salt = random(16)
    const kdf = temporary ? KDF_GENERATED : KDF_CHOSEN
    const typed = withoutSeparators(secret)
    const kek = await stretch(typed, salt, kdf)
    const organKeyBox = sealBox(kek, organKey, aboutHolder(organ, person))
    for (const bytes of [typed, kek]) bytes.fill(0)
    return { person, salt: text64(salt), kdf, organKey: organKeyBox, temporary, since: new Date(now()).toISOString() }
  }

  /** The organ key, if the secret is this holder's; the failure is on disk before the secret is tried, so that ending the process does not undo it. */
  async function tryHolder(record: OrganRecord, person: string, secret: Uint8Array): Promise<Uint8Array> {
    const holder = record.holders.find((each) => each.person === person)
    if (holder === undefined) throw keysFaults.notHolder()
    const tries: Attempts = await folder.readAttempts(record.organ)
    const mine = tries[person] ?? { failures: 0, notBefore: 0 }
    if (mine.notBefore > now()) throw keysFaults.tooSoon({ waitSeconds: Math.ceil((mine.notBefore - now()) / 1000) })
    const failures = mine.failures + 1
    await folder.writeAttempts(record.organ, { ...tries, [person]: { failures, notBefore: now() + waitAfter(failures) } })
    const kek = await stretch(secret, bytes64(holder.salt), holder.kdf)
    const organKey = openBox(kek, holder.organKey, aboutHolder(record.organ, person))
    kek.fill(0)
    if (organKey === null) throw keysFaults.wrongSecret({ waitSeconds: waitAfter(failures) / 1000 })
    const { [person]: _cleared, ...others } = tries
    await folder.writeAttempts(record.organ, others)
    return organKey
  }

  function makeKey(organ: string, organKey: Uint8Array, purpose: 'sign' | 'encrypt', suite: SuiteId): OrganKeyRecord {
    const pair = suites[suite].generateKeyPair()
    const digest = Buffer.from(suites[suite].hash(pair.publicKey)).toString('hex').slice(0, 8)
    const key = `${organ.slice(0, 36)}.${purpose}.${suite.toLowerCase()}.${digest}`
    const record = { key, purpose, suite, publicKey: text64(pair.publicKey), certificates: [], private: sealBox(organKey, pair.privateKey, aboutKey(organ, key)) }
    pair.privateKey.fill(0)
    return record
  }

  /** What others gave to this organ since it was last opened: unwrapped with its own key, sealed under its own organ key. */
  async function takeBequests(record: OrganRecord, organKey: Uint8Array, own: readonly UnlockedKey[]): Promise<OrganRecord> {
    const taken = new Set((record.inherited ?? []).map(({ key }) => key))
    const fresh: InheritedKey[] = []
    for (const given of await folder.readBequests(record.organ)) {
      if (given.keys.every(({ key }) => taken.has(key))) continue
      const heirKey = own.find(({ key, purpose, suite }) => key === given.heirKey && purpose === 'encrypt' && suite === 'SM')
      const kek = heirKey === undefined ? null : suites.SM.unwrap(heirKey.keyPair, bytes64(given.wrap))
      if (kek === null) continue // not for this organ's key: it stays where it lies, and gives nobody anything
      for (const { from, key, suite, publicKey, private: sealed } of given.keys) {
        const privateKey = taken.has(key) || own.some((each) => each.key === key) ? null : openBox(kek, sealed, aboutBequest(given.from, given.to, key))
        if (privateKey === null) continue
        taken.add(key)
        fresh.push({ from, key, suite, publicKey, private: sealBox(organKey, privateKey, aboutKey(record.organ, key)) })
        privateKey.fill(0)
      }
      kek.fill(0)
    }
    if (fresh.length === 0) return record
    const next = { ...record, inherited: [...(record.inherited ?? []), ...fresh] }
    await keep(next)
    return next
  }

  return {
    /** Gives an organ's keys for decrypting, inherited ones included, to the organ that takes over from it, here or at another node. Its keys for signing stay with it. */
    bequeath: (by: UnlockedOrgan, heir: { readonly organ: string; readonly key: string; readonly publicKey: Uint8Array }): Promise<Bequest> => {
      if (!suites.SM.isPublicKey(heir.publicKey)) throw keysFaults.badHeir({ organ: heir.organ })
      const kek = random(32)
      const inherited = new Map<string, string>()
      const given = async (): Promise<Bequest> => {
        for (const { key, from } of (await known(by.organ)).inherited ?? []) inherited.set(key, from)
        const keys = held.map(({ key, suite, keyPair }) => ({
          from: inherited.get(key) ?? by.organ, key, suite, publicKey: text64(keyPair.publicKey), private: sealBox(kek, keyPair.privateKey, aboutBequest(by.organ, heir.organ, key)),
        }))
        const made: Bequest = { v: 1, from: by.organ, to: heir.organ, person: by.person, at: new Date(now()).toISOString(), heirKey: heir.key, wrap: text64(suites.SM.wrap(heir.publicKey, kek)), keys }
        await folder.writeBequest(made)
        return made
      }
      // the session may be closed, and its keys overwritten, before our turn comes
      const held = by.keys.filter(({ purpose }) => purpose === 'encrypt').map((key) => ({ ...key, keyPair: { publicKey: key.keyPair.publicKey, privateKey: key.keyPair.privateKey.slice() } }))
      return inTurn(by.organ, given).finally(() => {
        kek.fill(0)
        for (const { keyPair } of held) keyPair.privateKey.fill(0)
      })
    },
    /** Keeps what another node's key process made for an organ of this one. What is not for it opens for nobody. */
    takeBequest: async (given: Bequest): Promise<void> => {
      await known(given.to)
      await folder.writeBequest(given)
    },
    listBequests: () => folder.listBequests(),

    /** Makes an organ's four keys and each holder's secret. Done already: answers what there is, so that a first start that was cut short can run again. */
    createOrgan: (organ: string, holders: readonly string[]): Promise<readonly PublicOrganKey[]> =>
      inTurn(organ, async () => {
        const existing = await find(organ)
        if (existing !== null) return existing.keys.map(publicPart)
        if (holders.length === 0) throw keysFaults.noHolders({ organ }) // keys that nobody can open are lost at once
        const organKey = random(32)
        const sealed: HolderRecord[] = []
        for (const person of new Set(holders)) {
          const secret = secretFrom(random)
          await folder.writeFirstSecret(person, organ, secret)
          sealed.push(await holderFor(organ, person, organKey, secret, true))
          secret.fill(0)
        }
        const kinds = [['sign', 'SM'], ['encrypt', 'SM'], ['sign', 'P256'], ['encrypt', 'P256']] as const
        const keys = kinds.map(([purpose, suite]) => makeKey(organ, organKey, purpose, suite))
        organKey.fill(0)
        await keep({ v: 1, organ, created: new Date(now()).toISOString(), keys, holders: sealed })
        return keys.map(publicPart)
      }),

    /** What may be known without any secret. */
    async summary(organ: string): Promise<OrganSummary> {
      const record = await known(organ)
      return { organ, holders: record.holders.map(({ person }) => person), keys: record.keys.map(publicPart) }
    },
    list: (): Promise<readonly string[]> => folder.listOrgans(),

    /** Keeps the chain (leaf first) that the directory issued for a key; signatures carry it from now on. */
    setCertificates: (organ: string, key: string, chain: readonly Uint8Array[]): Promise<void> =>
      inTurn(organ, async () => {
        const record = await known(organ)
        if (!record.keys.some((each) => each.key === key)) throw keysFaults.certificateMismatch({ key })
        await keep({ ...record, keys: record.keys.map((each) => (each.key === key ? { ...each, certificates: chain.map(text64) } : each)) })
      }),
    async certificates(organ: string, key: string): Promise<readonly Uint8Array[]> {
      return ((await known(organ)).keys.find((each) => each.key === key)?.certificates ?? []).map(bytes64)
    },

    /** Opens an organ for a holder. The caller wipes what it is given. */
    unlock: (organ: string, person: string, secret: Uint8Array): Promise<{ unlocked: UnlockedOrgan; temporary: boolean }> =>
      inTurn(organ, async () => {
        const record = await known(organ)
        const organKey = await tryHolder(record, person, secret)
        const keys = record.keys.map(({ key, purpose, suite, publicKey, private: box }): UnlockedKey => {
          const privateKey = openBox(organKey, box, aboutKey(organ, key))
          if (privateKey === null) throw new Error(`the sealed key ${key} of ${organ} is damaged`)
          return { key, purpose, suite, keyPair: { privateKey, publicKey: bytes64(publicKey) } }
        })
        const current = await takeBequests(record, organKey, keys)
        for (const { key, suite, publicKey, private: box } of current.inherited ?? []) {
          const privateKey = openBox(organKey, box, aboutKey(organ, key))
          if (privateKey === null) throw new Error(`the inherited key ${key} of ${organ} is damaged`)
          keys.push({ key, purpose: 'encrypt', suite, keyPair: { privateKey, publicKey: bytes64(publicKey) } })
        }
        const wipe = () => {
          organKey.fill(0)
          for (const { keyPair } of keys) keyPair.privateKey.fill(0)
        }
        return { unlocked: { organ, person, organKey, keys, wipe }, temporary: record.holders.some((each) => each.person === person && each.temporary) }
      }),

    changeSecret: (organ: string, person: string, current: Uint8Array, next: Uint8Array): Promise<void> =>
      inTurn(organ, async () => {
        if (!isStrongSecret(next)) throw keysFaults.weakSecret()
        const record = await known(organ)
        const organKey = await tryHolder(record, person, current)
        const holder = await holderFor(organ, person, organKey, next, false)
        organKey.fill(0)
        await keep({ ...record, holders: record.holders.map((each) => (each.person === person ? holder : each)) })
      }),

    /** Seals the organ key to another person under a new secret, which is answered once. */
    addHolder(by: UnlockedOrgan, person: string): Promise<Uint8Array> {
      const organKey = by.organKey.slice() // the session may be closed, and its keys overwritten, before our turn comes
      return inTurn(by.organ, async () => {
        const record = await known(by.organ)
        if (record.holders.some((each) => each.person === person)) throw keysFaults.holderExists({ person })
        const secret = secretFrom(random)
        const holder = await holderFor(by.organ, person, organKey, secret, true)
        await keep({ ...record, holders: [...record.holders, holder] })
        return secret
      }).finally(() => organKey.fill(0))
    },

    removeHolder: (by: UnlockedOrgan, person: string): Promise<void> =>
      inTurn(by.organ, async () => {
        const record = await known(by.organ)
        const rest = record.holders.filter((each) => each.person !== person)
        if (rest.length === record.holders.length) throw keysFaults.notHolder({ person })
        if (rest.length === 0) throw keysFaults.lastHolder()
        await keep({ ...record, holders: rest })
      }),
  }
}

const publicPart = ({ key, purpose, suite, publicKey, certificates }: OrganKeyRecord): PublicOrganKey => ({ key, purpose, suite, publicKey, certificates: certificates.length })

/** Generated secrets are shown in groups; what is stretched has no hyphens, as `normaliseSecret` at the terminal takes them out. */
const withoutSeparators = (secret: Uint8Array) => secret.filter((byte) => byte !== 0x2d)

async function stretch(secret: Uint8Array, salt: Uint8Array, kdf: HolderRecord['kdf']): Promise<Uint8Array> {
  const ARGON2ID = 2 // the package's `Algorithm` is a const enum, which erasable TypeScript cannot read
  return hashRaw(secret, { algorithm: ARGON2ID, salt, memoryCost: kdf.memoryKiB, timeCost: kdf.passes, parallelism: kdf.lanes, outputLen: 32 })
}
