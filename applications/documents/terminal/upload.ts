import type { Client } from './client.ts'
import { fault } from './fault.ts'

const TUS = { 'tus-resumable': '1.0.0' } as const
const UPLOADS = '/api/files/uploads'
/** Waits after a lost line, in milliseconds; the last one repeats until the caller gives up. */
const WAITS = [500, 1000, 2000, 5000, 10_000] as const

export type UploadOptions = { readonly signal?: AbortSignal | undefined; /** Told when the line is lost (true) and found again (false). */ readonly onWaiting?: (waiting: boolean) => void }

/** A body on its way to the node, written piece by piece from its start; what the node has already is passed over, and it continues after a lost line where the node stopped. */
export type Upload = { readonly id: string; /** Bytes that the node has. */ offset(): number; write(bytes: Uint8Array): Promise<void>; abandon(): Promise<void> }

/**
 * Begins a tus upload (1.0.0) of `total` bytes. Pieces acknowledged by the node are never sent again; a piece cut in the middle
 * continues at the byte the node has.
 */
export async function beginUpload(client: Client, total: number, options: UploadOptions = {}): Promise<Upload> {
  const created = await persist(options, () => client.raw(UPLOADS, { method: 'POST', headers: { ...TUS, 'upload-length': String(total) }, signal: options.signal }))
  if (created.status !== 201) throw await client.refusal(created)
  const id = decodeURIComponent((created.headers.get('location') ?? '').split('/').at(-1) ?? '')
  if (id === '') throw fault('unexpectedAnswer', { path: UPLOADS })
  return uploadAt(client, id, total, 0, options)
}

/** Goes on with an upload that was begun before, perhaps by a page that is gone; null where the node has it no longer, or it is somebody else's. */
export async function resumeUpload(client: Client, id: string, total: number, options: UploadOptions): Promise<Upload | null> {
  const head = await persist(options, () => client.raw(pathOf(id), { method: 'HEAD', headers: TUS, signal: options.signal }))
  const at = Number(head.headers.get('upload-offset') ?? Number.NaN)
  const isSame = head.ok && Number.isSafeInteger(at) && Number(head.headers.get('upload-length')) === total
  return isSame ? uploadAt(client, id, total, at, options) : null
}

const pathOf = (id: string): string => `${UPLOADS}/${encodeURIComponent(id)}`

function uploadAt(client: Client, id: string, total: number, from: number, options: UploadOptions): Upload {
  const path = pathOf(id)
  let offset = from
  let written = 0

  const patch = (bytes: Uint8Array): Promise<Response> =>
    client.raw(path, { method: 'PATCH', headers: { ...TUS, 'content-type': 'application/offset+octet-stream', 'upload-offset': String(offset) }, body: bytes, signal: options.signal })
  const known = async (): Promise<number> => {
    const head = await client.raw(path, { method: 'HEAD', headers: TUS, signal: options.signal })
    const at = Number(head.headers.get('upload-offset') ?? Number.NaN)
    if (!head.ok || !Number.isSafeInteger(at)) throw fault('uploadInterrupted', { status: head.status })
    return at
  }
  return {
    id,
    offset: () => offset,
    write: async (bytes) => {
      const [start, end] = [written, written + bytes.length]
      if (end > total) throw fault('fileChanged')
      written = end
      let isSure = true
      while (offset < end) {
        const answer = await persist(options, async () => {
          if (!isSure) offset = await known()
          isSure = false // until an answer says how far the node is
          if (offset < start || offset > end) throw fault('uploadInterrupted', { offset })
          return offset === end ? null : patch(bytes.subarray(offset - start))
        })
        if (answer === null) return
        if (answer.status === 204) [offset, isSure] = [Number(answer.headers.get('upload-offset')), true]
        else if (answer.status !== 409) throw await client.refusal(answer) // 409: the node has another offset; it is asked
      }
    },
    abandon: async () => void (await client.raw(path, { method: 'DELETE', headers: TUS })),
  }
}

/** Repeats `work` while the line is lost or the node is momentarily unable (502, 503, 504, 423 locked by the cut request), until the signal. */
async function persist<T extends Response | null>(options: UploadOptions, work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      const answer = await work()
      if (answer === null || ![423, 502, 503, 504].includes(answer.status)) {
        if (attempt > 0) options.onWaiting?.(false)
        return answer
      }
    } catch (thrown) {
      if (!isOffline(thrown)) throw thrown
    }
    options.onWaiting?.(true)
    await pause(WAITS[Math.min(attempt, WAITS.length - 1)] ?? 0, options.signal)
  }
}

const isOffline = (thrown: unknown): boolean => thrown instanceof Error && 'code' in thrown && thrown.code === 'terminal.offline'

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(fault('cancelled'))
    if (signal?.aborted === true) return stop()
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, milliseconds)
    signal?.addEventListener('abort', () => (clearTimeout(timer), stop()), { once: true })
  })
}
