import { describe, expect, it } from 'vitest'
import { readTar, safePath } from './tar.ts'

function header(path: string, type: string, size: number): Buffer {
  const block = Buffer.alloc(512)
  block.write(path, 0, 'utf8')
  block.write('0000600\0', 100)
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  block.write(type, 156)
  block.write('ustar\0', 257)
  return block
}
const file = (path: string, content: string, type = '0'): Buffer => Buffer.concat([header(path, type, content.length), Buffer.from(content), Buffer.alloc((512 - (content.length % 512)) % 512)])
const END = Buffer.alloc(1024)

/** Bytes in pieces that never fit the blocks. */
async function* pieces(bytes: Buffer, size = 77): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function read(bytes: Buffer): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  await readTar(pieces(bytes), async ({ path, kind }) => {
    if (kind === 'file') found[path] = ''
    return { write: async (piece) => void (found[path] += Buffer.from(piece).toString()), end: async () => undefined, close: async () => undefined }
  })
  return found
}

describe('a tar', () => {
  it('is read whatever the pieces it comes in', async () => {
    const long = 'x'.repeat(1500)
    expect(await read(Buffer.concat([file('a', 'one'), header('folder', '5', 0), file('folder/empty', ''), file('folder/long', long), END]))).toEqual({ a: 'one', 'folder/empty': '', 'folder/long': long })
  })
  it.each(['/etc/passwd', '../up', 'a/../../b', 'a//b', 'a\\b', '..'])('that leads out of its folder is refused: %s', async (path) => {
    expect(() => safePath(path)).toThrow()
    await expect(read(Buffer.concat([file(path, 'x'), END]))).rejects.toMatchObject({ code: 'backup.unsafePath' })
  })
  it.each(['1', '2', '3', '6', 'L'])('with links or devices in it is refused: type %s', async (type) => {
    await expect(read(Buffer.concat([file('a', '', type), END]))).rejects.toMatchObject({ code: 'backup.unsafePath' })
  })
  it('that was cut, or goes on after its end, is refused', async () => {
    const whole = Buffer.concat([file('a', 'one'), END])
    await expect(read(whole.subarray(0, 514))).rejects.toMatchObject({ code: 'backup.truncated' })
    await expect(read(whole.subarray(0, 512))).rejects.toMatchObject({ code: 'backup.truncated' })
    await expect(read(Buffer.concat([whole, file('b', 'two')]))).rejects.toMatchObject({ code: 'backup.tampered' })
  })
})
