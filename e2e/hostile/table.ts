import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { z } from 'zod'

/** One route as the running server registered it. */
export type Route = { readonly method: string; readonly url: string; readonly key: string; readonly isPublic: boolean; readonly bodyLimit: number; readonly schema: { readonly body?: z.ZodType; readonly querystring?: z.ZodType; readonly params?: z.ZodType } }

/** What the web framework tells of a route, and as much of its server as is needed to be told. */
type Registered = { readonly method: string | string[]; readonly url: string; readonly config?: { readonly public?: boolean }; readonly bodyLimit?: number; readonly schema?: Route['schema'] }
type Listened = { addHook(name: 'onRoute', hear: (route: Registered) => void): void }

const CHANNEL = 'fastify.initialization'
const DEFAULT_LIMIT = 1024 * 1024

/** Listens for the next server that is made in this process and writes down every route it is given, whoever gives it. */
export function watchRoutes(): { routes(): readonly Route[] } {
  const found: Route[] = []
  const watch = (message: unknown): void => {
    const { fastify } = message as { fastify: Listened }
    fastify.addHook('onRoute', (route) => void found.push(...routesOf(route)))
    unsubscribe(CHANNEL, watch)
  }
  subscribe(CHANNEL, watch)
  return { routes: () => found }
}

const routesOf = ({ method, url, config, bodyLimit = DEFAULT_LIMIT, schema = {} }: Registered): Route[] =>
  [method].flat().map((one) => ({ method: one, url, key: `${one} ${url}`, isPublic: config?.public === true, bodyLimit, schema }))

/** Whether a request of this method can change something, and so can carry a body. */
export const isWriting = (method: string): boolean => method !== 'GET' && method !== 'HEAD'

/** Fields of a strict object schema, by name; empty for none. */
export const fieldsOf = (schema: z.ZodType | undefined): readonly string[] => (schema instanceof z.ZodObject ? Object.keys(schema.shape) : [])
