import type { Client } from './client.ts'
import { fault } from './fault.ts'
import { persist, type Patience } from './persist.ts'

const TUS = { 'tus-resumable': '1.0.0' } as const
const UPLOADS = '/api/files/uploads'

/** A body on its way to the node, written piece by piece from its start; what the node has already is passed over, and it continues after a lost line where the node stopped. */
export type Upload = { readonly id: string; /** Bytes that the node has. */ offset(): number; write(bytes: Uint8Array): Promise<void>; abandon(): Promise<void> }

/**
 * Begins a tus upload (1.0.0) of `total` bytes. Pieces acknowledged by the node are never sent again; a piece cut in the middle
 * continues at the byte the node has.
 */
export async function beginUpload(client: Client, total: number, options: Patience = {}): Promise<Upload> {
  const created = await persist(options, () => client.raw(UPLOADS, { method: 'POST', headers: { ...TUS, 'upload-length': String(total) }, signal: options.signal }))
  if (created.status !== 201) throw await client.refusal(created)
  const id = decodeURIComponent((created.headers.get('location') ?? '').split('/').at(-1) ?? '')
  if (id === '') throw fault('unexpectedAnswer', { path: UPLOADS })
  return uploadAt(client, id, total, 0, options)
}

/** Goes on with an upload that was begun before, perhaps by a page that is gone; null where the node has it no longer, or it is somebody else's. */
export async function resumeUpload(client: Client, id: string, total: number, options: Patience): Promise<Upload | null> {
  const head = await persist(options, () => client.raw(pathOf(id), { method: 'HEAD', headers: TUS, signal: options.signal }))
  const at = Number(head.headers.get('upload-offset') ?? Number.NaN)
  const isSame = head.ok && Number.isSafeInteger(at) && Number(head.headers.get('upload-length')) === total
  return isSame ? uploadAt(client, id, total, at, options) : null
}

const pathOf = (id: string): string => `${UPLOADS}/${encodeURIComponent(id)}`

function uploadAt(client: Client, id: string, total: number, from: number, options: Patience): Upload {
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
