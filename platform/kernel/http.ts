import type { FastifyRequest } from 'fastify'
import type { Node } from './node.ts'
import type { PersonPrincipal } from './principal.ts'
import { authenticate, checkCsrf } from './seams.ts'
import { kernelFaults } from './words.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who sends this request; null on public routes. Rooms ask `requirePerson`. */
    principal: PersonPrincipal | null
  }
  interface FastifyContextConfig {
    /** Anybody may call this route: no session, no CSRF token. */
    public?: boolean
  }
}

/** The person behind a request. @throws kernel.signInRequired */
export function requirePerson(request: FastifyRequest): PersonPrincipal {
  if (request.principal === null) throw kernelFaults.signInRequired()
  return request.principal
}

/** The person, if one of the duties is carried by any post (to read) or by the post acted as (to change something). @throws kernel.forbidden, which names the first */
export function requireDuty(request: FastifyRequest, duty: string, ...others: readonly string[]): PersonPrincipal {
  const person = requirePerson(request)
  const posts = isReading(request.method) ? person.posts : [person.acting]
  if (!posts.some(({ duties }) => [duty, ...others].some((one) => duties.includes(one)))) throw kernelFaults.forbidden({ duty })
  return person
}

const isReading = (method: string): boolean => method === 'GET' || method === 'HEAD' || method === 'OPTIONS'

/** Names that always mean this machine: a page of another site cannot come by them, so any port will do. */
const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/

/** A browser led here under a foreign name (DNS rebinding, cache poisoning) or by a page of another origin is turned away. */
export function refuseForeign(request: FastifyRequest, origin: string): void {
  const host = request.headers.host ?? ''
  if (!LOOPBACK.test(host) && host !== new URL(origin).host) throw kernelFaults.foreignHost()
  if (isReading(request.method)) return
  const site = request.headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') throw kernelFaults.csrf({ reason: 'crossSite' })
  const from = request.headers.origin
  if (from !== undefined && from !== origin && from !== `http://${host}`) throw kernelFaults.csrf({ reason: 'crossOrigin' })
}

/** An address with U+0000 in it means nothing here, and the database takes no such text. */
export function refuseNul(request: FastifyRequest): void {
  if (request.raw.url?.includes('%00') === true) throw kernelFaults.malformed({ reason: 'nul' })
}

/** Finds the person of a request to a route that is not public, and asks for the session's CSRF token when something is to change. */
export async function admit(node: Node, request: FastifyRequest): Promise<void> {
  if (request.routeOptions.config.public === true) return
  request.principal = (await node.slots.find(authenticate)?.(request)) ?? null
  requirePerson(request)
  if (isReading(request.method)) return
  const token = request.headers['x-postroad-csrf']
  const valid = typeof token === 'string' && token.length <= 200 && (await node.slots.get(checkCsrf)(request, token))
  if (!valid) throw kernelFaults.csrf({ reason: 'token' })
}
