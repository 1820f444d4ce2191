import { utf8 } from './bytes.ts'
import { bitString, boolean, children, content, contextPrimitive, DerError, integer, octetString, oid, readBoolean, readDer, readOid, readSmallInteger, readUtf8, sequence, TAG, type DerNode } from './der.ts'
import type { Suite } from './suite.ts'

/** What a certificate is for; each use has its own key usage bits. */
export type CertificateUsage = 'ca' | 'sign' | 'encrypt' | 'tls'

/** Key usage by bit number, RFC 5280 §4.2.1.3. */
export const KEY_USAGES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly'
] as const
export type KeyUsage = (typeof KEY_USAGES)[number]

/** Key usages of each kind of certificate; signing and encrypting certificates are apart, as GM/T 0015-2012 has them. */
export const USAGE_BITS: Readonly<Record<CertificateUsage, readonly KeyUsage[]>> = {
  ca: ['keyCertSign', 'cRLSign'],
  sign: ['digitalSignature', 'nonRepudiation'],
  encrypt: ['keyEncipherment', 'dataEncipherment', 'keyAgreement'],
  tls: ['digitalSignature']
}

const OID = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2'
} as const

export type ExtensionsToWrite = {
  readonly usage: CertificateUsage
  readonly pathLength?: number
  readonly dnsNames?: readonly string[]
  readonly publicKey: Uint8Array
  readonly issuerKey: Uint8Array
}

/** The extensions of one of our certificates, as the SEQUENCE that goes into [3]. */
export function encodeExtensions(suite: Suite, wanted: ExtensionsToWrite): Uint8Array {
  const isCa = wanted.usage === 'ca'
  const constraints = isCa ? sequence(boolean(true), ...(wanted.pathLength === undefined ? [] : [integer(wanted.pathLength)])) : sequence()
  const names = wanted.dnsNames ?? []
  return sequence(
    extension(OID.basicConstraints, true, constraints),
    extension(OID.keyUsage, true, encodeKeyUsage(USAGE_BITS[wanted.usage])),
    ...(wanted.usage === 'tls' ? [extension(OID.extendedKeyUsage, false, sequence(oid(OID.serverAuth), oid(OID.clientAuth)))] : []),
    ...(names.length > 0 ? [extension(OID.subjectAltName, false, sequence(...names.map(generalName)))] : []),
    extension(OID.subjectKeyIdentifier, false, octetString(keyIdentifier(suite, wanted.publicKey))),
    extension(OID.authorityKeyIdentifier, false, sequence(contextPrimitive(0, keyIdentifier(suite, wanted.issuerKey))))
  )
}

function extension(id: string, critical: boolean, value: Uint8Array): Uint8Array {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octetString(value))
}

/** RFC 5280 §4.2.1.2 leaves the method open; twenty bytes of the suite's hash over the point. */
function keyIdentifier(suite: Suite, publicKey: Uint8Array): Uint8Array {
  return suite.hash(publicKey).subarray(0, 20)
}

/** A named bit list drops trailing zero bits (X.690 §11.2.2). */
function encodeKeyUsage(usages: readonly KeyUsage[]): Uint8Array {
  let bits = 0
  for (const usage of usages) bits |= 0x80 >>> KEY_USAGES.indexOf(usage)
  return bitString(new Uint8Array([bits]), Math.clz32(bits & -bits) === 32 ? 0 : 31 - Math.clz32(bits & -bits))
}

/** A DNS name, or an address when the text is one: dotted IPv4, or IPv6 (which alone has colons). */
function generalName(text: string): Uint8Array {
  const address = ipv4(text) ?? ipv6(text)
  return address === null ? contextPrimitive(2, utf8(text)) : contextPrimitive(7, address)
}

function ipv4(text: string): Uint8Array | null {
  const parts = text.split('.')
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256) ? Uint8Array.from(parts, Number) : null
}

function ipv6(text: string): Uint8Array | null {
  if (!text.includes(':')) return null
  const [head = '', tail] = text.split('::')
  const words = (part: string) => (part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16)))
  const front = words(head)
  const back = words(tail ?? '')
  const all = tail === undefined ? front : [...front, ...Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => 0), ...back]
  if (all.length !== 8 || all.some((word) => !(word >= 0 && word <= 0xffff))) throw new RangeError(`not an address: ${text}`)
  return Uint8Array.from(all.flatMap((word) => [word >>> 8, word & 255]))
}

export type ReadExtensions = {
  readonly isCa: boolean
  readonly pathLength: number | null
  readonly usages: readonly KeyUsage[]
  readonly serverAuth: boolean
  readonly clientAuth: boolean
  readonly dnsNames: readonly string[]
}

/** Reads what the path check needs. A critical extension that is not understood is refused, as RFC 5280 §4.2 demands. */
export function readExtensions(list: DerNode | undefined): ReadExtensions {
  const found = new Map<string, DerNode>()
  for (const entry of list === undefined ? [] : children(list)) {
    const { id, critical, value } = readExtension(entry)
    if (found.has(id)) throw new DerError('an extension is there twice')
    if (critical && !UNDERSTOOD.has(id)) throw new DerError(`critical extension ${id} is not understood`)
    if (UNDERSTOOD.has(id)) found.set(id, readDer(value))
  }
  const purposes = readPurposes(found.get(OID.extendedKeyUsage))
  return {
    ...readConstraints(found.get(OID.basicConstraints)),
    usages: readKeyUsage(found.get(OID.keyUsage)),
    serverAuth: purposes.includes(OID.serverAuth),
    clientAuth: purposes.includes(OID.clientAuth),
    dnsNames: readDnsNames(found.get(OID.subjectAltName))
  }
}

const UNDERSTOOD: ReadonlySet<string> = new Set([OID.basicConstraints, OID.keyUsage, OID.extendedKeyUsage, OID.subjectAltName])

function readExtension(node: DerNode): { id: string; critical: boolean; value: Uint8Array } {
  const fields = children(node)
  const critical = fields[1]?.tag === TAG.boolean && readBoolean(fields[1])
  const value = fields[fields[1]?.tag === TAG.boolean ? 2 : 1]
  return { id: readOid(fields[0]), critical, value: content(value, TAG.octetString) }
}

function readConstraints(node: DerNode | undefined): { isCa: boolean; pathLength: number | null } {
  if (node === undefined) return { isCa: false, pathLength: null }
  const fields = children(node)
  const isCa = fields[0]?.tag === TAG.boolean && readBoolean(fields[0])
  const limit = fields.find((field) => field.tag === TAG.integer)
  return { isCa, pathLength: isCa && limit !== undefined ? readSmallInteger(limit) : null }
}

function readKeyUsage(node: DerNode | undefined): KeyUsage[] {
  if (node === undefined) return []
  const bytes = content(node, TAG.bitString)
  return KEY_USAGES.filter((_, bit) => ((bytes[1 + (bit >>> 3)] ?? 0) & (0x80 >>> (bit & 7))) !== 0)
}

function readPurposes(node: DerNode | undefined): string[] {
  return node === undefined ? [] : children(node).map(readOid)
}

function readDnsNames(node: DerNode | undefined): string[] {
  if (node === undefined) return []
  return children(node)
    .filter((name) => name.tag === 0x82 || name.tag === 0x87)
    .map((name) => (name.tag === 0x82 ? readUtf8(name.content) : addressText(name.content)))
}

function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  return Array.from({ length: bytes.length >>> 1 }, (_, i) => ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16)).join(':')
}
