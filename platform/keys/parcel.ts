/**
 * A small JSON header and any number of byte strings in one buffer. Secrets and keys travel as byte strings, never as JSON text:
 * a byte string can be overwritten with zeros afterwards, a JavaScript string cannot.
 *
 * Layout: u32be header length ‖ header (UTF-8 JSON) ‖ for each binary: u32be length ‖ bytes.
 */
export type Parcel = { readonly header: unknown; readonly binaries: readonly Uint8Array[] }

const MAX_BINARIES = 4096
const MAX_HEADER_BYTES = 4 * 1024 * 1024

/** Header and binaries as one buffer. */
export function encodeParcel(header: object, binaries: readonly Uint8Array[] = []): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(header))
  const total = binaries.reduce((sum, bytes) => sum + 4 + bytes.length, 4 + text.length)
  const out = new Uint8Array(total)
  const view = new DataView(out.buffer)
  let at = 0
  for (const bytes of [text, ...binaries]) {
    view.setUint32(at, bytes.length)
    out.set(bytes, at + 4)
    at += 4 + bytes.length
  }
  return out
}

/** The parcel in these bytes, its binaries copied out; null for anything malformed or over the limits. Never throws. */
export function decodeParcel(bytes: Uint8Array): Parcel | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const pieces: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    if (at + 4 > bytes.length || pieces.length > MAX_BINARIES) return null
    const length = view.getUint32(at)
    if (at + 4 + length > bytes.length) return null
    pieces.push(bytes.slice(at + 4, at + 4 + length))
    at += 4 + length
  }
  const [header, ...binaries] = pieces
  if (header === undefined || header.length > MAX_HEADER_BYTES) return null
  try {
    return { header: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(header)) as unknown, binaries }
  } catch {
    return null // not JSON, or not UTF-8: malformed like any other
  }
}
