import type { z } from 'zod'
import { refusalAnswer } from '../model.ts'
import { fault, TerminalFault } from './fault.ts'

/** A node's interface as the terminal uses it. In a browser the session cookie is the browser's; elsewhere the client keeps it. */
export type Client = {
  /** Where the node is, without a slash at the end; empty in a browser: the page's own origin. */
  readonly base: string
  get<T>(path: string, schema: z.ZodType<T>, signal?: AbortSignal): Promise<T>
  post<T>(path: string, body: unknown, schema: z.ZodType<T>): Promise<T>
  /** Any request; answers 4xx and 5xx too. Throws `terminal.offline` if nothing answers. */
  raw(path: string, request: RawRequest): Promise<Response>
  /** Turns an answer that isn't 2xx into the fault it carries. */
  refusal(response: Response): Promise<TerminalFault>
  setCsrf(token: string): void
}
export type RawRequest = { readonly method: string; readonly headers?: Readonly<Record<string, string>>; readonly body?: Uint8Array | string; readonly signal?: AbortSignal | undefined }
export type ClientOptions = {
  readonly base?: string
  readonly fetch?: typeof fetch
  /** Keep cookies here (Node). Default: false when a page's own origin is used. */
  readonly cookies?: boolean
  /** Where somebody else already keeps the CSRF token (the desk). */
  readonly csrf?: () => string
}

/** A client for one node and one session. */
export function createClient(options: ClientOptions = {}): Client {
  const base = options.base ?? ''
  const jar = (options.cookies ?? base !== '') ? createJar() : null
  let token = ''
  const csrf = options.csrf ?? (() => token)
  const call = options.fetch ?? fetch

  const raw = async (path: string, request: RawRequest): Promise<Response> => {
    const headers: Record<string, string> = { accept: 'application/json', ...request.headers }
    if (request.method !== 'GET' && request.method !== 'HEAD' && csrf() !== '') headers['x-postroad-csrf'] = csrf()
    const cookies = jar?.header()
    if (cookies !== undefined && cookies !== '') headers['cookie'] = cookies
    const init: RequestInit = { method: request.method, headers, redirect: 'error', credentials: 'same-origin', ...(request.signal === undefined ? {} : { signal: request.signal }) }
    if (request.body !== undefined) init.body = request.body as BodyInit
    const response = await call(path.startsWith('http') ? path : `${base}${path}`, init).catch((cause: unknown) => {
      if (request.signal?.aborted === true) throw fault('cancelled', {}, cause)
      throw fault('offline', {}, cause)
    })
    jar?.take(response)
    return response
  }
  const refusal = async (response: Response): Promise<TerminalFault> => {
    const told = refusalAnswer.safeParse(await response.json().catch(() => null))
    if (!told.success) return fault('unexpectedAnswer', { status: response.status, path: new URL(response.url || 'http://-').pathname })
    const { code, message, advice, detail } = told.data.error
    return new TerminalFault({ code, message, advice, status: response.status, detail: detail ?? {} })
  }
  const read = async <T>(response: Response, schema: z.ZodType<T>): Promise<T> => {
    if (!response.ok) throw await refusal(response)
    const answer = schema.safeParse(response.status === 204 ? null : await response.json().catch(() => undefined))
    if (!answer.success) throw fault('unexpectedAnswer', { path: new URL(response.url || 'http://-').pathname, field: answer.error.issues[0]?.path.join('.') ?? '' }, answer.error)
    return answer.data
  }
  return {
    base,
    raw,
    refusal,
    get: async (path, schema, signal) => read(await raw(path, { method: 'GET', signal }), schema),
    post: async (path, body, schema) => read(await raw(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body ?? {}) }), schema),
    setCsrf: (next) => {
      token = next
    },
  }
}

/** The few cookies of one node: name and value only, as one origin is all this client ever talks to. */
function createJar(): { header(): string; take(response: Response): void } {
  const cookies = new Map<string, string>()
  return {
    header: () => [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
    take: (response) => {
      for (const line of response.headers.getSetCookie()) {
        const [pair = '', ...attributes] = line.split(';')
        const at = pair.indexOf('=')
        const gone = attributes.some((attribute) => /^\s*max-age=0\s*$/i.test(attribute) || /^\s*expires=Thu, 01 Jan 1970/i.test(attribute))
        if (gone) cookies.delete(pair.slice(0, at).trim())
        else if (at > 0) cookies.set(pair.slice(0, at).trim(), pair.slice(at + 1))
      }
    },
  }
}
