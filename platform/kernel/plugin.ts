import type { FastifyBaseLogger, FastifyInstance, RawReplyDefaultExpression, RawRequestDefaultExpression, RawServerDefault } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Node } from './node.ts'

/** The web server with zod schemas as the types of its routes. */
export type Server = FastifyInstance<RawServerDefault, RawRequestDefaultExpression, RawReplyDefaultExpression, FastifyBaseLogger, ZodTypeProvider>

/** An event that a room announces to others: written in the transaction that made it true, handled at least once. */
export type EventDefinition<Payload> = { readonly name: string; readonly version: number; readonly parse: (payload: unknown) => Payload }
export type EventHandler = { readonly event: string; handle(payload: unknown, node: Node): Promise<void> }

/** What is done in every process of the node when an event was emitted in any of them: a hint, which may come for nothing and may get lost. */
export type EventListener = { readonly event: string; hear(node: Node): void | Promise<void> }

/** Work that is woken by the job runner. `every` is a crontab line. The handler scans due rows; it keeps no state of its own. */
export type Job = { readonly name: string; readonly every?: string; run(payload: unknown, node: Node): Promise<void> }

/** An entry of the desk's navigation. `permission` is a duty, or several of which one is enough, that the person's posts must carry; null: everybody. */
export type MenuEntry = { readonly id: string; readonly title: string; readonly path: string; readonly order: number; readonly permission: string | readonly string[] | null }

/**
 * The whole contract between the kernel and a room of `platform/` or `applications/`.
 * `id` is the room's name, its PostgreSQL schema, the prefix of its routes' names and of its faults.
 */
export type Plugin = {
  readonly id: string
  readonly title: string
  /** Folder of plain SQL files `NNNN-name.sql`, run once each, in order, by the migrator role. */
  readonly migrations?: URL
  /** Duties that posts may carry, with the words a person reads. */
  readonly permissions?: Readonly<Record<string, string>>
  readonly menu?: readonly MenuEntry[]
  /**
   * Routes, written without the prefix `/api/<id>` that they get, behind session, CSRF and limits. Called after `start`.
   * Who may call without a session says so: `config: { public: true }`. Schemas of bodies are strict objects throughout.
   */
  routes?(server: Server, node: Node): void
  readonly jobs?: readonly Job[]
  /** Events that this room announces; their payloads are checked when emitted. */
  readonly events?: readonly EventDefinition<unknown>[]
  readonly on?: readonly EventHandler[]
  readonly hears?: readonly EventListener[]
  /** Started after the database is ready, in the order of registration; stopped in reverse. */
  start?(node: Node): Promise<{ stop(): Promise<void> }>
}

export const definePlugin = (plugin: Plugin): Plugin => plugin
/** An application is a plugin that people open. */
export const defineApplication = definePlugin
