import { type RawBuilder, sql } from 'kysely'

/** A place in a list that goes by time and message: what a page ends with, and the next one is asked for by. */
export const cursorOf = (at: Date, message: string): string => `${at.getTime()}_${message}`

/** The same place as a row that `(at, id)` can be compared with. */
export function placeOf(cursor: string): RawBuilder<unknown> {
  const [at = '', message = ''] = cursor.split('_')
  return sql`(${new Date(Number(at))}, ${message}::uuid)`
}
