/** One request over a link. A streamed body says its length first, so that a cut is always seen. */
export type WireRequest = {
  readonly method: 'PUT' | 'POST'
  readonly path: string
  readonly type: string
  readonly headers?: Readonly<Record<string, string>>
  readonly length: number
  readonly body: Uint8Array | readonly Uint8Array[] | AsyncIterable<Uint8Array>
}
export type WireReply = { readonly status: number; readonly body: Uint8Array }

/** A request as it comes in. `certificate` (DER) is what the caller proved to hold the key of; whose it is, the directory says. */
export type ArrivedRequest = {
  readonly method: string
  readonly path: string
  readonly type: string
  readonly headers: Readonly<Record<string, string>>
  /** As told by the caller; null if it did not say. */
  readonly length: number | null
  readonly certificate: Uint8Array | null
  readonly from: string
  readonly body: AsyncIterable<Uint8Array>
}
export type WireHandler = (request: ArrivedRequest) => Promise<WireReply>

/** Whom to call: the endpoint and the certificates that the directory knows of the node; while one takes over from another there are two. */
export type PeerAddress = { readonly node: string; readonly endpoint: string; readonly certificates: readonly Uint8Array[] }
export const isOf = (shown: Uint8Array | undefined, { certificates }: PeerAddress): boolean => shown !== undefined && certificates.some((certificate) => Buffer.from(certificate).equals(shown))

/**
 * How requests travel between two nodes. Every adapter behaves alike, which one shared suite of tests (transport/contract.ts) holds them to:
 * the callee sees the caller's certificate, the caller refuses a callee with any other certificate than the one asked for,
 * a body that ends early is a failure on both sides, and a reply is only ever the whole reply.
 */
export type LinkTransport = {
  /** @throws LinkFailure when no reply came; what the callee did is then unknown */
  request(peer: PeerAddress, request: WireRequest): Promise<WireReply>
  /** Starts to answer callers; resolves with the address that others can call. */
  serve(handler: WireHandler): Promise<string>
  /** The node's own key or certificate changed. */
  renew(): void
  close(): Promise<void>
}

export type LinkFailureReason = 'unreachable' | 'wrongCertificate' | 'cut' | 'timeout'

/** No reply: the network's fault or the peer's, never the content's. */
export class LinkFailure extends Error {
  readonly reason: LinkFailureReason
  constructor(reason: LinkFailureReason, detail: string) {
    super(`${reason}: ${detail}`)
    this.name = 'LinkFailure'
    this.reason = reason
  }
}

/** The body that a handler reads ended before its announced length, or broke. */
export class BodyCut extends Error {
  constructor(detail: string) {
    super(detail)
    this.name = 'BodyCut'
  }
}

/** Checks the announced length while reading; a body that is too short or too long is a cut. */
export async function* measured(body: AsyncIterable<Uint8Array>, length: number | null): AsyncGenerator<Uint8Array> {
  let read = 0
  try {
    for await (const piece of body) {
      read += piece.length
      if (length !== null && read > length) throw new BodyCut(`more than the ${length} bytes announced`)
      yield piece
    }
  } catch (error) {
    throw error instanceof BodyCut ? error : new BodyCut(`after ${read} bytes: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (length !== null && read < length) throw new BodyCut(`${read} of ${length} bytes`)
}

/** Pieces of a request's body, whatever its form. */
export async function* pieces(body: WireRequest['body']): AsyncGenerator<Uint8Array> {
  if (body instanceof Uint8Array) yield body
  else yield* body
}

/** Reads a whole body of at most `limit` bytes. Null: longer than that. */
export async function readAll(body: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array | null> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const piece of body) {
    bytes += piece.length
    if (bytes > limit) return null
    parts.push(piece)
  }
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts)
}

export const jsonReply = (status: number, value: unknown): WireReply => ({ status, body: Buffer.from(JSON.stringify(value)) })
