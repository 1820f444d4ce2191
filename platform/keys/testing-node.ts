/**
 * A whole node in a process of its own, for the canary test: it must hold nothing that belongs to the key process or the terminal.
 * Plants what it is told to, so that the search proves it can find things.
 */
import type { Plugin } from '@postroad/kernel/plugin'
import { testNode } from '@postroad/kernel/testing'
import { keyProcess } from './service.ts'

// The rooms are named by whoever starts this, in their order: this room must not lean on those above it.
const { rooms, bootstrap } = JSON.parse(process.argv[2] ?? '{}') as { rooms: readonly string[]; bootstrap: unknown }
const plugins = await Promise.all(rooms.map(async (room) => ((await import(`@postroad/${room}/plugin`)) as Record<string, Plugin>)[room]))

const planted: unknown[] = []
const node = await testNode(plugins.filter((plugin) => plugin !== undefined), { bootstrap, listen: true, realTime: true, logLevel: 'trace' })
process.on('message', (message: { readonly plant?: readonly number[]; readonly stop?: true; readonly lines?: true }) => {
  // as bytes, and as the text that a careless log line or JSON body would make of them
  if (message.plant !== undefined) {
    const bytes = Uint8Array.from(message.plant)
    planted.push(bytes, Buffer.from(bytes).toString('hex'))
  }
  if (message.lines === true) process.send?.({ lines: node.lines.join('\n') })
  if (message.stop === true) void node.stop().then(() => process.exit(0))
})
process.on('disconnect', () => void node.stop().then(() => process.exit(0)))
process.send?.({ address: node.address, home: node.home, database: node.database.superuser, keys: keyProcess(node.node).pid() })
