import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { openHashFolder } from './folder.ts'

const made: string[] = []
const fresh = async (): Promise<string> => {
  made.push(await mkdtemp(join(tmpdir(), 'postroad-folder-')))
  return made.at(-1) ?? ''
}
afterEach(async () => {
  for (const path of made.splice(0)) await rm(path, { recursive: true })
})

const file = (text: string): { name: string; bytes: Uint8Array } => ({ name: createHash('sha256').update(text).digest('hex'), bytes: Buffer.from(text) })

describe('a folder named by hashes', () => {
  it('keeps a batch, reads it back, and finds it after it is opened again', async () => {
    const path = await fresh()
    const files = Array.from({ length: 40 }, (_, i) => file(`chunk ${i}`))
    await (await openHashFolder(path)).put(files)
    const again = await openHashFolder(path)
    for (const { name, bytes } of files) expect(Buffer.from((await again.read(name)) ?? [])).toEqual(bytes)
    const listed: string[] = []
    for await (const { name } of again.list()) listed.push(name)
    expect(listed.toSorted()).toEqual(files.map(({ name }) => name).toSorted())
  })

  it('writers of the same content do not disturb each other', async () => {
    const folder = await openHashFolder(await fresh())
    const one = file('the same')
    await Promise.all(Array.from({ length: 8 }, () => folder.put([one])))
    expect(Buffer.from((await folder.read(one.name)) ?? []).toString()).toBe('the same')
  })

  it('a stream that breaks leaves nothing behind', async () => {
    const path = await fresh()
    const folder = await openHashFolder(path)
    const broken = (async function* () {
      yield Buffer.from('half')
      throw new Error('line lost')
    })()
    await expect(folder.receive(broken)).rejects.toThrow('line lost')
    expect(await readdir(join(path, 'aside'))).toEqual([])
  })

  it('what is gone is null, not an error, and names that are no hashes are refused', async () => {
    const folder = await openHashFolder(await fresh())
    const one = file('x')
    await folder.put([one])
    await folder.remove([one.name, one.name])
    expect(await folder.read(one.name)).toBeNull()
    expect(await folder.has(one.name)).toBe(false)
    await expect(async () => folder.read('../../etc/passwd')).rejects.toThrow('64 hex digits')
  })
})
