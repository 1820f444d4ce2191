/** The two suites by their wire names. `SM`: SM2, SM3, SM4-CTR + HMAC-SM3. `P256`: ECDSA/ECDH P-256, SHA-256, AES-256-GCM. */
export const SUITE_IDS = ['SM', 'P256'] as const
export type SuiteId = (typeof SUITE_IDS)[number]

/** `privateKey` is the 32-byte scalar, `publicKey` the 65-byte uncompressed point `04‖x‖y`. */
export type KeyPair = { readonly privateKey: Uint8Array; readonly publicKey: Uint8Array }

/** Incremental digest; `digest` may be called once. */
export type Digest = { update(bytes: Uint8Array): Digest; digest(): Uint8Array }

/**
 * One suite of algorithms behind one interface, so that every structure on the road only names its suite.
 * All functions are synchronous; heavy use goes through `@postroad/gm/workers`.
 * Verification and decryption answer `false` / `null` on anything wrong and never throw on hostile input.
 */
export type Suite = {
  readonly id: SuiteId
  /** 32 bytes. */
  hash(...parts: readonly Uint8Array[]): Uint8Array
  createHash(): Digest
  /** HMAC with the suite's hash, 32 bytes. */
  mac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array
  generateKeyPair(): KeyPair
  publicKeyOf(privateKey: Uint8Array): Uint8Array
  /** Whether these 65 bytes are a point of the curve (not infinity). */
  isPublicKey(bytes: Uint8Array): boolean
  /** 64 bytes `r‖s`. SM2 with the user id "1234567812345678" (GM/T 0009-2012 §10). */
  sign(keyPair: KeyPair, message: Uint8Array): Uint8Array
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
  /** Encrypts a 32-byte content key to a recipient. SM2: ASN.1 of GM/T 0009-2012 §7.2. P-256: ephemeral ECDH + HKDF + AES-256 key wrap. */
  wrap(publicKey: Uint8Array, contentKey: Uint8Array): Uint8Array
  unwrap(keyPair: KeyPair, wrapped: Uint8Array): Uint8Array | null
  /** Authenticated encryption under a 32-byte key (the suite derives its sub-keys) and a 12-byte nonce never used twice with that key. Output is `ciphertext‖tag`. */
  seal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, associated: Uint8Array): Uint8Array
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, associated: Uint8Array): Uint8Array | null
  /** Bytes that `seal` adds: 32 for SM (HMAC-SM3), 16 for P256 (GCM). */
  readonly tagBytes: number
}

/** How a process reaches its suites: native in Node (`@postroad/gm/node`), pure JavaScript in the browser (`@postroad/gm/portable`). */
export type Suites = { readonly [id in SuiteId]: Suite }
