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

/** What folders and buckets have in common is in stores.test.ts. */
describe('a folder named by hashes', () => {
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
})
