import type { FastifyRequest } from 'fastify'
import type { Refusal } from './errors.ts'
import type { Slot } from './node.ts'
import type { Plugin } from './plugin.ts'
import type { PersonPrincipal } from './principal.ts'

/** Who sends this request by its session cookie, or null. Filled by identity: `node.slots.set(authenticate, …)` in its `start`. */
export const authenticate: Slot<(request: FastifyRequest) => Promise<PersonPrincipal | null>> = { name: 'kernel.authenticate' }

/** Whether `token` (the header `x-postroad-csrf`) belongs to the request's session. Filled by identity; asked after `authenticate`. */
export const checkCsrf: Slot<(request: FastifyRequest, token: string) => boolean | Promise<boolean>> = { name: 'kernel.checkCsrf' }

/** Where a refused request came from, and what it asked for: the route's pattern, never an address with identifiers. */
export type RefusalSource = { readonly network: string; readonly method: string; readonly route: string }
export const sourceOf = (request: FastifyRequest): RefusalSource => ({ network: request.ip, method: request.method, route: request.routeOptions.url ?? '-' })

/** Writes the audit record of a refused request before it is answered. Filled by the ledger. */
export const recordRefusal: Slot<(principal: PersonPrincipal | null, refusal: Refusal, source: RefusalSource) => Promise<void>> = { name: 'kernel.recordRefusal' }

/** The rooms this node was started with: identity composes a person's menu from them. Set by the kernel before any room starts. */
export const rooms: Slot<readonly Plugin[]> = { name: 'kernel.rooms' }
