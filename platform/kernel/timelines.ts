import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { z } from 'zod'
import { replaceFile } from './durable-file.ts'

/** A server that takes writes, as it says of itself: whose data it holds (`system`), and after how many promotions (`timeline`, from 1). */
export type Writable = { readonly system: string; readonly timeline: number }

/**
 * What a node knows of its database's timelines. Each promotion of a standby begins the next one, so a server with a lower one is a primary that was
 * replaced, whatever it says of itself: it is refused, and connections to it are closed as soon as the higher one is known.
 */
export type Timelines = {
  /** False for a server that was replaced, or that holds another database. A higher timeline is remembered before it is used. */
  admit(server: Writable): boolean
  /** Closes this connection, too, when a higher timeline comes to be known. */
  hold(client: pg.Client, server: Writable): void
}

const memory = z.strictObject({ v: z.literal(1), system: z.string(), timeline: z.number().int().min(1) })

/** Remembers in `<home>/database.json`, which all processes of the node share and which outlives them. */
export function openTimelines(home: string): Timelines {
  const path = join(home, 'database.json')
  const held = new Map<pg.Client, number>()
  let known: Writable | null = null
  const read = (): Writable | null => {
    const kept = existsSync(path) ? memory.parse(JSON.parse(readFileSync(path, 'utf8'))) : null
    return known === null || (kept !== null && kept.timeline > known.timeline) ? (known = kept) : known
  }
  const closeBelow = (timeline: number): void => {
    for (const [client, of] of held) if (of < timeline) client.connection.stream.destroy()
  }
  return {
    admit({ system, timeline }) {
      const before = read()
      if (before !== null && (before.system !== system || timeline < before.timeline)) return false
      if (before?.timeline !== timeline) replaceFile(path, JSON.stringify({ v: 1, system, timeline }))
      known = { system, timeline }
      closeBelow(timeline)
      return true
    },
    hold(client, { timeline }) {
      held.set(client, timeline)
      client.once('end', () => held.delete(client))
    },
  }
}
