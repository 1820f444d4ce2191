import { base64url, fromBase64url } from './bytes.ts'

/** PEM (RFC 7468) of some DER; the label is, say, `CERTIFICATE`. */
export function pem(label: string, bytes: Uint8Array): string {
  const text = base64url(bytes).replaceAll('-', '+').replaceAll('_', '/')
  const padded = text.padEnd(Math.ceil(text.length / 4) * 4, '=')
  return `-----BEGIN ${label}-----\n${padded.replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`
}

/** The DER of every block with this label, in order. Throws `RangeError` when a block is not base64. */
export function fromPem(label: string, text: string): Uint8Array[] {
  const blocks = text.matchAll(new RegExp(`-----BEGIN ${label}-----([^-]*)-----END ${label}-----`, 'g'))
  return Array.from(blocks, ([, body = '']) => fromBase64url(body.replace(/\s|=+\s*$/g, '').replaceAll('+', '-').replaceAll('/', '_')))
}
