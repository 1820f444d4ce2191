import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { type Attempts, attempts, type Bequest, bequest, type OrganRecord, organRecord } from './model.ts'

/** The key process's files; nothing else reads or writes them. */
export type KeyFolder = {
  readOrgan(organ: string): Promise<OrganRecord | null>
  writeOrgan(record: OrganRecord): Promise<void>
  listOrgans(): Promise<readonly string[]>
  readAttempts(organ: string): Promise<Attempts>
  writeAttempts(organ: string, value: Attempts): Promise<void>
  /** Keys given to an organ, by whoever gave them. */
  readBequests(heir: string): Promise<readonly Bequest[]>
  writeBequest(given: Bequest): Promise<void>
  listBequests(): Promise<readonly { readonly from: string; readonly to: string }[]>
  /** The process's own static keys, made at its first start. */
  readProcessKeys(): Promise<unknown>
  writeProcessKeys(value: object): Promise<void>
  /** `<home>/first-sign-in/keys/<person>-<organ>.json`: for whoever hands the secret over in person and then removes the file. */
  writeFirstSecret(person: string, organ: string, secret: Uint8Array): Promise<void>
}

/** The folders that the key process writes in, and nothing else of the node's. */
export function keyFolders(home: string): { readonly organs: string; readonly attempts: string; readonly process: string; readonly bequests: string; readonly first: string } {
  const keys = join(home, 'keys')
  return { organs: join(keys, 'organs'), attempts: join(keys, 'attempts'), process: join(keys, 'process'), bequests: join(keys, 'bequests'), first: join(home, 'first-sign-in', 'keys') }
}

/** Makes the folders; only the node's own account may enter them. */
export async function makeKeyFolders(home: string): Promise<void> {
  for (const folder of Object.values(keyFolders(home))) await mkdir(folder, { recursive: true, mode: 0o700 })
}

/** The files in those folders. All are 0600, written beside and renamed, synced with their folder. */
export function openKeyFolder(home: string): KeyFolder {
  const { organs, attempts: tries, process: own, bequests, first } = keyFolders(home)
  const bequestNames = async (): Promise<readonly { from: string; to: string }[]> =>
    (await readdir(bequests)).filter((name) => name.endsWith('.json')).toSorted().flatMap((name) => {
      const [from, to] = name.slice(0, -'.json'.length).split('@')
      return from === undefined || to === undefined ? [] : [{ from, to }]
    })
  return {
    readOrgan: async (organ) => {
      const text = await readIfThere(join(organs, `${organ}.json`))
      return text === null ? null : organRecord.parse(JSON.parse(text))
    },
    writeOrgan: (record) => writeDurably(organs, `${record.organ}.json`, json(record)),
    listOrgans: async () => (await readdir(organs)).filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -'.json'.length)).toSorted(),
    readAttempts: async (organ) => attempts.parse(JSON.parse((await readIfThere(join(tries, `${organ}.json`))) ?? '{}')),
    writeAttempts: (organ, value) => writeDurably(tries, `${organ}.json`, json(value)),
    readBequests: async (heir) => {
      const mine = (await bequestNames()).filter(({ to }) => to === heir)
      return Promise.all(mine.map(async ({ from, to }) => bequest.parse(JSON.parse(await readFile(join(bequests, `${from}@${to}.json`), 'utf8')))))
    },
    writeBequest: (given) => writeDurably(bequests, `${given.from}@${given.to}.json`, json(given)),
    listBequests: bequestNames,
    readProcessKeys: async () => {
      const text = await readIfThere(join(own, 'static.json'))
      return text === null ? null : (JSON.parse(text) as unknown)
    },
    writeProcessKeys: (value) => writeDurably(own, 'static.json', json(value)),
    writeFirstSecret: async (person, organ, secret) => {
      const marker = json({ person, organ, secret: '' })
      const at = marker.length - 3 // before `"}` and the line's end
      const bytes = new Uint8Array(marker.length + secret.length)
      bytes.set(marker.subarray(0, at))
      bytes.set(secret, at)
      bytes.set(marker.subarray(at), at + secret.length)
      await writeDurably(first, `${person}-${organ}.json`, bytes)
      bytes.fill(0)
    },
  }
}

const json = (value: object) => new TextEncoder().encode(`${JSON.stringify(value)}\n`)

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}

async function writeDurably(folder: string, name: string, bytes: Uint8Array): Promise<void> {
  const temporary = join(folder, `.${name}.${randomBytes(6).toString('hex')}`)
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } catch (error) {
    await unlink(temporary)
    throw error
  } finally {
    await file.close()
  }
  await rename(temporary, join(folder, name))
  const directory = await open(folder, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
