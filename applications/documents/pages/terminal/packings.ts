import { readAllStored, removeAllStored, writeAllStored } from '@postroad/desk/store'
import type { PackingMemory, PackingState } from '../../terminal/types.ts'

const prefixOf = (clientId: string): string => `${clientId}/`
const STATE = 'state'
/** Chunk names stand in their order. */
const fieldOf = (index: number): string => `chunk ${String(index).padStart(8, '0')}`

/** Large dispatches that were begun, in this browser. Chunk names are fields of their own: a film has thousands. */
export const packings: PackingMemory = {
  read: async (clientId) => {
    const stored = await readAllStored('packings', prefixOf(clientId))
    const state = stored.get(STATE) as PackingState | undefined
    stored.delete(STATE)
    return state === undefined ? null : { state, hashes: [...stored].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, hash]) => String(hash)) }
  },
  begin: (state) => writeAllStored('packings', prefixOf(state.clientId), new Map([[STATE, state]])),
  keep: (clientId, index, hash) => writeAllStored('packings', prefixOf(clientId), new Map([[fieldOf(index), hash]])),
  forget: (clientId) => removeAllStored('packings', prefixOf(clientId)),
}
