import { definePlugin, type EventDefinition } from '@postroad/kernel/plugin'
import { directoryId } from '@postroad/waybill'
import { z } from 'zod'
import { reorganisationRoutes } from './http.ts'
import { carryOutDue } from './service.ts'
import { DUTIES, TITLE } from './words.ts'

const done = z.strictObject({ organ: directoryId, kind: z.string() })
const reorganisationDone: EventDefinition<z.infer<typeof done>> = { name: 'reorganisation.done', version: 1, parse: (payload) => done.parse(payload) }

/** Starts after directory, identity, keys and road: it moves what each of them keeps. */
export const reorganisation = definePlugin({
  id: 'reorganisation',
  title: TITLE,
  migrations: new URL('./migrations/', import.meta.url),
  permissions: DUTIES,
  routes: reorganisationRoutes,
  events: [reorganisationDone],
  jobs: [{ name: 'carryOut', every: '* * * * *', run: (_payload, node) => carryOutDue(node) }],
})
