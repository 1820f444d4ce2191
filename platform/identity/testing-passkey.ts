import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'

/**
 * An authenticator in software: WebAuthn level 2 with ES256, attestation `none`. It answers the options of the server as a browser would,
 * and its parts can be bent to play an attacker.
 */
export type Authenticator = {
  readonly id: string
  register(options: { readonly challenge: string }): Record<string, unknown>
  assert(options: { readonly challenge: string }): Record<string, unknown>
  /** Signatures made so far, as the authenticator itself reports it. */
  counter: number
}

const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest()
const base64url = (bytes: Buffer | string) => Buffer.from(bytes).toString('base64url')

// the few forms of CBOR (RFC 8949 §3) that WebAuthn structures need
const cborHead = (major: number, value: number): Buffer => (value < 24 ? Buffer.of((major << 5) | value) : value < 256 ? Buffer.of((major << 5) | 24, value) : Buffer.of((major << 5) | 25, value >> 8, value & 255))
const cborInt = (value: number) => (value < 0 ? cborHead(1, -1 - value) : cborHead(0, value))
const cborBytes = (bytes: Buffer) => Buffer.concat([cborHead(2, bytes.length), bytes])
const cborText = (text: string) => Buffer.concat([cborHead(3, Buffer.byteLength(text)), Buffer.from(text)])
const cborMap = (entries: readonly (readonly [Buffer, Buffer])[]) => Buffer.concat([cborHead(5, entries.length), ...entries.flat()])

export function softwareAuthenticator(origin: string): Authenticator {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const id = randomBytes(32)
  const host = sha256(new URL(origin).hostname)
  const { x = '', y = '' } = pair.publicKey.export({ format: 'jwk' })
  const coordinate = (text: string) => cborBytes(Buffer.from(text, 'base64url'))
  // COSE_Key (RFC 9053 §7.1.1): EC2, ES256, P-256
  const cose = cborMap([[cborInt(1), cborInt(2)], [cborInt(3), cborInt(-7)], [cborInt(-1), cborInt(1)], [cborInt(-2), coordinate(x)], [cborInt(-3), coordinate(y)]])
  const clientData = (type: string, challenge: string) => Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false }))
  const counted = (flags: number) => {
    const count = Buffer.alloc(4)
    count.writeUInt32BE(self.counter)
    return Buffer.concat([host, Buffer.of(flags), count])
  }
  const shared = { id: base64url(id), rawId: base64url(id), type: 'public-key', clientExtensionResults: {} }
  const self: Authenticator = {
    id: base64url(id),
    counter: 1,
    register({ challenge }) {
      const length = Buffer.of(0, id.length)
      const data = Buffer.concat([counted(0x45), Buffer.alloc(16), length, id, cose]) // present, verified, attested
      const attestation = cborMap([[cborText('fmt'), cborText('none')], [cborText('attStmt'), cborMap([])], [cborText('authData'), cborBytes(data)]])
      return { ...shared, response: { clientDataJSON: base64url(clientData('webauthn.create', challenge)), attestationObject: base64url(attestation), transports: ['internal'] } }
    },
    assert({ challenge }) {
      self.counter += 1
      const data = counted(0x05)
      const client = clientData('webauthn.get', challenge)
      const signature = sign('sha256', Buffer.concat([data, sha256(client)]), pair.privateKey)
      return { ...shared, response: { clientDataJSON: base64url(client), authenticatorData: base64url(data), signature: base64url(signature) } }
    },
  }
  return self
}
