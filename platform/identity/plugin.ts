import { readBootstrap } from '@postroad/directory/service'
import type { Node } from '@postroad/kernel/node'
import { definePlugin, type EventDefinition } from '@postroad/kernel/plugin'
import { service } from '@postroad/kernel/principal'
import { authenticate, checkCsrf } from '@postroad/kernel/seams'
import { z } from 'zod'
import { hasCsrf, identityRoutes, personOfRequest } from './http.ts'
import { newPerson } from './model.ts'
import { bootstrapPeople } from './people.ts'
import { deleteChallenges } from './store.ts'
import { createThrottle, throttle } from './throttle.ts'
import { permissions, TITLE } from './words.ts'

const ended = z.strictObject({ session: z.string(), person: z.string() })
const sessionEnded: EventDefinition<z.infer<typeof ended>> = { name: 'identity.sessionEnded', version: 1, parse: (payload) => ended.parse(payload) }

/** Starts after the ledger and the directory: what it does is recorded, and posts are held in organs. */
export const identity = definePlugin({
  id: 'identity',
  title: TITLE,
  migrations: new URL('./migrations/', import.meta.url),
  permissions,
  routes: identityRoutes,
  events: [sessionEnded],
  jobs: [{ name: 'sweep', every: '23 * * * *', run: (_payload, node) => sweep(node) }],
  async start(node) {
    node.slots.set(throttle, createThrottle(node))
    node.slots.set(authenticate, (request) => personOfRequest(node, request))
    node.slots.set(checkCsrf, (request, token) => hasCsrf(node, request, token))
    const bootstrap = readBootstrap(node)
    if (bootstrap !== null) await bootstrapPeople(node, z.array(newPerson).parse(bootstrap.people))
    return { stop: async () => undefined }
  },
})

async function sweep(node: Node): Promise<void> {
  await node.transaction(service('identity'), (tx) => deleteChallenges(tx, node.now()))
  await node.slots.get(throttle).sweep()
}
