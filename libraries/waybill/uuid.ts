import { hex } from '@postroad/gm'
import type { Random } from './slices.ts'

/** A UUIDv7 (RFC 9562 §5.7) for an instant, ISO text: sorts by time, 74 random bits. */
export function uuidv7(at: string, random: Random): string {
  const bytes = new Uint8Array(16)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(Date.parse(at)) << 16n)
  bytes.set(random(10), 6)
  bytes[6] = 0x70 | ((bytes[6] as number) & 0x0f)
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f)
  const text = hex(bytes)
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12, 16)}-${text.slice(16, 20)}-${text.slice(20)}`
}
