import { DeskFault } from './fault.ts'
import { kitWords } from './words.ts'

let csrfToken = ''
let onSignedOut: () => void = () => undefined

/** Kept from the session; sent with everything that changes something. */
export const setCsrf = (token: string): void => {
  csrfToken = token
}
export const csrf = (): string => csrfToken
/** Called when the server no longer knows the session. */
export const whenSignedOut = (handler: () => void): void => {
  onSignedOut = handler
}

type Call = { readonly method?: 'GET' | 'POST' | 'DELETE'; readonly body?: unknown; readonly signal?: AbortSignal }

/**
 * One call to this node's interface under `/api`. The caller names the shape it expects, which is the route's own schema on the server.
 * Throws a `DeskFault` for every refusal and for a lost line.
 */
export async function api<T>(path: string, { method = 'GET', body, signal }: Call = {}): Promise<T> {
  const response = await fetch(`/api${path}`, {
    method,
    credentials: 'same-origin',
    headers: { accept: 'application/json', ...(method === 'GET' ? {} : { 'x-postroad-csrf': csrfToken }), ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  }).catch((thrown: unknown) => {
    if (signal?.aborted === true) throw thrown
    throw new DeskFault({ code: 'desk.offline', status: 0, message: kitWords.offline, advice: kitWords.offlineAdvice })
  })
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T
  const fault = await readFault(response)
  if (response.status === 401 && !path.startsWith('/identity/sign-in') && !path.startsWith('/identity/enrol')) onSignedOut()
  throw new DeskFault(fault)
}

async function readFault(response: Response): Promise<DeskFault['fault']> {
  const answer = (await response.json().catch(() => null)) as { error?: { code?: string; message?: string; advice?: string } } | null
  const error = answer?.error
  return {
    code: error?.code ?? `desk.http${response.status}`,
    status: response.status,
    message: error?.message ?? kitWords.unexpected,
    advice: error?.advice ?? kitWords.unexpectedAdvice,
  }
}
