import type { Link } from './link.ts'

/** A neighbour that is never called: what is for it waits in the database until a bundle is prepared (bundle/prepare.ts). */
export const openBundleLink = (peer: string): Link => ({
  peer,
  isOpen: false,
  relays: { size: 0, hasRoom: false, add: () => undefined, pump: () => undefined },
  hasRoom: () => false,
  hand: () => undefined,
  wake: () => undefined,
  heard: () => undefined,
  state: () => ({ peer, greeted: false, failures: 0, pausedUntil: null, lastError: null, waiting: 0, receipts: 0 }),
  stop: async () => undefined,
})
