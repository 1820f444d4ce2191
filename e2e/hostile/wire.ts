import { Agent, type IncomingHttpHeaders, request } from 'node:http'

/** What an attacker puts on the line. `declares` is the length a body claims to have while nothing, or `body`, follows. */
export type Attempt = {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | undefined
  readonly declares?: number
  /** Sent without a length, in chunks. */
  readonly chunked?: boolean
  /** The address the request comes from: all of 127.0.0.0/8 is this machine. */
  readonly from?: string
}
export type Reply = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly text: string; readonly json: unknown }

const agent = new Agent({ keepAlive: true, maxSockets: 8 })

/** Sends one request over a real socket, with nothing added but what HTTP itself needs. */
export function send(address: string, attempt: Attempt): Promise<Reply> {
  const { hostname, port } = new URL(address)
  const { method, path, body, declares, chunked } = attempt
  const length = declares ?? (body === undefined ? undefined : Buffer.byteLength(body))
  const fresh = declares !== undefined || attempt.from !== undefined
  return new Promise((resolve, reject) => {
    const outgoing = request({
      method, hostname, port, path,
      agent: fresh ? false : agent,
      headers: { host: `localhost:${port}`, ...(length === undefined ? {} : chunked === true ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(length) }), ...attempt.headers },
      ...(attempt.from === undefined ? {} : { localAddress: attempt.from }),
    })
    outgoing.once('error', reject)
    outgoing.once('response', (incoming) => {
      const parts: Buffer[] = []
      incoming.on('data', (part: Buffer) => void parts.push(part))
      incoming.once('error', reject)
      incoming.once('end', () => {
        resolve(replyOf(incoming.statusCode ?? 0, incoming.headers, Buffer.concat(parts).toString()))
        if (declares !== undefined || chunked === true) outgoing.destroy()
      })
    })
    if (body !== undefined) outgoing.write(body)
    if (declares === undefined && chunked !== true) outgoing.end()
    else outgoing.flushHeaders()
  })
}

function replyOf(status: number, headers: IncomingHttpHeaders, text: string): Reply {
  let json: unknown = null
  if (headers['content-type']?.startsWith('application/json') === true && text !== '') json = JSON.parse(text)
  return { status, headers, text, json }
}

/** A body at an attacker's disposal, as JSON. */
export const asJson = (value: unknown): { readonly headers: { 'content-type': string }; readonly body: string } => ({ headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) })

/** Closes the connections that were kept. */
export const hangUp = (): void => agent.destroy()
