import type { Suite } from '@postroad/gm'
import { CHUNK_BYTES, encodeChunk, type SealedChunk, type Source } from '@postroad/waybill'
import { fault } from './fault.ts'
import type { DispatchOptions, DraftFile } from './types.ts'
import type { Upload } from './upload.ts'

/** Where sealed chunks go while a message is packed: into the request itself, or to the node by a resumable upload. */
export type BodySink = { take(chunk: SealedChunk): Promise<void>; finish(): Promise<{ readonly uploadId: string | null; readonly inline: readonly Uint8Array[] | null }>; abandon(): Promise<void> }

/** Small bodies travel in the request. */
export function inlineSink(): BodySink {
  const chunks: Uint8Array[] = []
  return { take: async ({ sealed }) => void chunks.push(sealed), finish: async () => ({ uploadId: null, inline: chunks }), abandon: async () => undefined }
}

/** Larger ones go by a resumable upload; `sent` is told of every chunk, also of those that the node has already. */
export function uploadSink(upload: Upload, sent: (bytes: number) => void): BodySink {
  return {
    take: async ({ sealed }) => {
      const framed = new Uint8Array(4 + sealed.length)
      new DataView(framed.buffer).setUint32(0, sealed.length)
      framed.set(sealed, 4)
      await upload.write(framed)
      sent(framed.length)
    },
    finish: async () => ({ uploadId: upload.id, inline: null }),
    abandon: () => upload.abandon(),
  }
}

/** Bytes of the framed, sealed body: a chunk's seal adds a fixed number of bytes to its encoded form. */
export async function measure(suite: Suite, files: readonly DraftFile[], options: DispatchOptions): Promise<number> {
  const plain = files.reduce((sum, file) => sum + file.bytes, 0)
  let [total, done] = [0, 0]
  for (const file of files) {
    for await (const chunk of chunksOf(file)) {
      total += 4 + encodeChunk(chunk).length + suite.tagBytes
      options.onProgress?.({ phase: 'measuring', done: (done += chunk.length), total: plain, waiting: false })
      if (options.signal?.aborted === true) throw fault('cancelled')
    }
  }
  return total
}

/** The file in pieces of exactly one chunk, the last one shorter. The buffer is used again for the next piece. */
async function* chunksOf(file: DraftFile): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(CHUNK_BYTES)
  let filled = 0
  for await (const piece of pieces(file)) {
    for (let at = 0; at < piece.length; ) {
      const take = Math.min(CHUNK_BYTES - filled, piece.length - at)
      buffer.set(piece.subarray(at, at + take), filled)
      ;[filled, at] = [filled + take, at + take]
      if (filled === CHUNK_BYTES) {
        yield buffer
        filled = 0
      }
    }
  }
  if (filled > 0) yield buffer.subarray(0, filled)
}

/** A file as the packer reads it. What does not have the announced length was changed meanwhile. */
export const sourceOf = (file: DraftFile, signal: AbortSignal | undefined): Source => ({ name: file.name, mediaType: file.mediaType, bytes: counted(file, signal) })

async function* counted(file: DraftFile, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  let read = 0
  for await (const piece of pieces(file)) {
    if (signal?.aborted === true) throw fault('cancelled')
    read += piece.length
    yield piece
  }
  if (read !== file.bytes) throw fault('fileChanged', { name: file.name })
}

/** Chromium 90 cannot iterate a stream, so its reader is used. */
async function* pieces(file: DraftFile): AsyncGenerator<Uint8Array> {
  const source = file.stream()
  if (!('getReader' in source)) return yield* source
  const reader = source.getReader()
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value
  } finally {
    reader.releaseLock()
  }
}
