import { definePlugin } from '@postroad/kernel/plugin'
import { alone } from '@postroad/kernel/processes'
import { z } from 'zod'
import { routes } from './http.ts'
import { closeSession, keyProcessSlot } from './service.ts'
import { startKeyProcess } from './supervisor.ts'
import { TITLE } from './words.ts'

const sessionEnded = z.object({ session: z.string() })

/** Starts after the ledger (which records every use) and before the directory (which has organ keys made). It has no tables. */
export const keys = definePlugin({
  id: 'keys',
  title: TITLE,
  routes,
  on: [{ event: 'identity.sessionEnded', handle: async (payload, node) => closeSession(node, sessionEnded.parse(payload).session) }],
  async start(node) {
    const running = await startKeyProcess({ home: node.config.home, elsewhere: node.config.keys, alone: (work) => alone(node, 'keys.process', work) }, node.log)
    node.slots.set(keyProcessSlot, running)
    return { stop: () => running.stop() }
  },
})
