import { constants } from 'node:fs'
import { type FileHandle, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { randomBytes } from 'node:crypto'
import { base64url, equal, fromBase64url, utf8 } from '@postroad/gm'
import { suites } from '@postroad/gm/node'
import { type BatchSignature, batchSignature, canonical, verifyBatch } from '@postroad/waybill'
import { z } from 'zod'
import type { BackupKey, RecoveryKey } from './keys.ts'
import { backupFaults } from './words.ts'

/**
 * A sealed file: a front, then frames `u32be length ‖ sealed bytes`. The front holds the file's own key, wrapped for the backup key, and the node's
 * signature over that wrap and the file's name; so whoever can write into the folder can neither read, alter, rename nor make one.
 * The last frame is marked: what was cut off shows. A file that is still growing (the newest segment of the log) has no last frame yet.
 */
const MAGIC = utf8('postroad/1/sealed\n')
const FRAME_BYTES = 1 << 20
const MOST_FRONT_BYTES = 8192

const front = z.strictObject({ v: z.literal(1), name: z.string().max(200), node: z.string(), suite: z.enum(['SM', 'P256']), key: z.string(), wrap: z.string().max(1024) })
const signedFront = z.strictObject({ front, seal: batchSignature })

export type Signer = { readonly node: string; sign(structure: unknown): BatchSignature }
export type SealWriter = {
  /** Takes bytes; they reach the disk in frames. */
  write(bytes: Uint8Array): Promise<void>
  /** What was written until now is durable when it answers. */
  flush(): Promise<void>
  /** Marks the end, makes it durable and gives it its name. Answers the file's size. */
  finish(): Promise<number>
  /** Closes what is not finished and leaves it as it is. */
  close(): Promise<void>
}

/** Begins a sealed file at `path`; it takes the name `whole` when it is finished. `name` says what it is and is bound to it. */
export async function createSealed(path: string, whole: string, name: string, key: BackupKey, signer: Signer): Promise<SealWriter> {
  const suite = suites[key.suite]
  const fileKey = new Uint8Array(randomBytes(32))
  const content = { v: 1 as const, name, node: signer.node, suite: key.suite, key: key.id, wrap: base64url(suite.wrap(fromBase64url(key.publicKey), fileKey)) }
  const head = canonical({ front: content, seal: signer.sign(content) })
  const file = await open(path, 'wx', 0o600)
  let [waiting, waitingBytes, index, size]: [Uint8Array[], number, number, number] = [[], 0, 0, 0]
  const put = async (bytes: Uint8Array): Promise<void> => {
    await file.writeFile(bytes)
    size += bytes.length
  }
  const frame = async (isLast: boolean): Promise<void> => {
    const sealed = suite.seal(fileKey, nonceOf(index, isLast), Buffer.concat(waiting), utf8(name))
    ;[waiting, waitingBytes] = [[], 0]
    index += 1
    await put(Buffer.concat([lengthOf(sealed), sealed]))
  }
  await put(Buffer.concat([MAGIC, lengthOf(head), head]))
  return {
    async write(bytes) {
      for (let at = 0; at < bytes.length; ) {
        const piece = bytes.subarray(at, at + FRAME_BYTES - waitingBytes)
        waiting.push(piece)
        waitingBytes += piece.length
        at += piece.length
        if (waitingBytes === FRAME_BYTES) await frame(false)
      }
    },
    async flush() {
      if (waitingBytes > 0) await frame(false)
      await file.datasync()
    },
    async finish() {
      await frame(true)
      await file.sync()
      await file.close()
      await rename(path, whole)
      await flushFolder(dirname(whole))
      return size
    },
    close: () => file.close(),
  }
}

const lengthOf = (bytes: Uint8Array): Uint8Array => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return length
}

function nonceOf(index: number, isLast: boolean): Uint8Array {
  const nonce = Buffer.alloc(12)
  nonce[0] = isLast ? 1 : 0
  nonce.writeBigUInt64BE(BigInt(index), 4)
  return nonce
}

/** A rename is durable once its folder is. */
export async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * The plaintext of a sealed file, checked piece by piece.
 * @param options.growing answers what is whole of a file that has no end yet
 * @throws backup.tampered, backup.truncated, backup.wrongKey, backup.unknownSigner, backup.wrongNode
 */
export async function* openSealed(path: string, name: string, key: RecoveryKey, options: { readonly growing?: boolean } = {}): AsyncGenerator<Uint8Array> {
  const file = await open(path, constants.O_RDONLY)
  try {
    const start = await take(file, MAGIC.length + 4)
    if (start === null) throw backupFaults.truncated({ file: name })
    const bytes = start.readUInt32BE(MAGIC.length)
    if (!equal(start.subarray(0, MAGIC.length), MAGIC) || bytes > MOST_FRONT_BYTES) throw backupFaults.tampered({ file: name })
    const fileKey = readFront(await take(file, bytes), name, key)
    yield* frames(file, name, fileKey, suites[key.suite], options.growing === true)
  } finally {
    await file.close()
  }
}

function readFront(bytes: Uint8Array | null, name: string, key: RecoveryKey): Uint8Array {
  if (bytes === null) throw backupFaults.truncated({ file: name })
  const { front: content, seal } = readSigned(signedFront, bytes, name)
  requireSigner(content, seal, key, name)
  if (content.node !== key.node) throw backupFaults.wrongNode({ node: content.node })
  if (content.key !== key.id || content.suite !== key.suite) throw backupFaults.wrongKey({ file: name })
  if (content.name !== name) throw backupFaults.tampered({ file: name })
  const suite = suites[key.suite]
  const privateKey = fromBase64url(key.privateKey)
  const fileKey = suite.unwrap({ privateKey, publicKey: suite.publicKeyOf(privateKey) }, fromBase64url(content.wrap))
  if (fileKey === null) throw backupFaults.wrongKey({ file: name })
  return fileKey
}

/** JSON of a shape that this software writes; anything else was put there by somebody else. @throws backup.tampered */
export function readSigned<T>(schema: z.ZodType<T>, bytes: Uint8Array, name: string): T {
  try {
    return schema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')))
  } catch {
    throw backupFaults.tampered({ file: name })
  }
}

/** A key of the node, as the recovery file has them, must have signed it. @throws backup.unknownSigner, backup.tampered */
export function requireSigner(structure: unknown, seal: BatchSignature, key: RecoveryKey, name: string): void {
  const signer = key.signers.find(({ id, suite }) => id === seal.key && suite === seal.suite)
  if (signer === undefined) throw backupFaults.unknownSigner({ file: name, key: seal.key })
  if (!verifyBatch(suites, fromBase64url(signer.publicKey), 'backup', structure, seal)) throw backupFaults.tampered({ file: name })
}

async function* frames(file: FileHandle, name: string, fileKey: Uint8Array, suite: (typeof suites)['SM'], growing: boolean): AsyncGenerator<Uint8Array> {
  for (let index = 0; ; index += 1) {
    const length = (await take(file, 4))?.readUInt32BE(0)
    if (length !== undefined && length > FRAME_BYTES + suite.tagBytes) throw backupFaults.tampered({ file: name })
    const sealed = length === undefined ? null : await take(file, length)
    if (sealed === null) {
      if (growing) return
      throw backupFaults.truncated({ file: name })
    }
    const last = suite.open(fileKey, nonceOf(index, true), sealed, utf8(name))
    const piece = last ?? suite.open(fileKey, nonceOf(index, false), sealed, utf8(name))
    if (piece === null) throw backupFaults.tampered({ file: name })
    yield piece
    if (last === null) continue
    if ((await take(file, 1)) !== null) throw backupFaults.tampered({ file: name })
    return
  }
}

/** Exactly so many bytes, or null where the file ends before. */
async function take(file: FileHandle, length: number): Promise<Buffer | null> {
  const buffer = Buffer.alloc(length)
  for (let at = 0; at < length; ) {
    const { bytesRead } = await file.read(buffer, at, length - at)
    if (bytesRead === 0) return null
    at += bytesRead
  }
  return buffer
}
