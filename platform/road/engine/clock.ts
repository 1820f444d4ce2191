import { nodeKeys } from '@postroad/directory/service'
import type { Refusal } from '@postroad/kernel/errors'
import { roadFaults } from '../words.ts'
import { type Road, directoryOf } from './road.ts'

/** A node signs nothing before its own keys began: its clock went back, and nobody would ever believe the receipt. Null: the clock may be right. */
export function clockFault(road: Pick<Road, 'node' | 'self'>, at: Date): Refusal | null {
  const now = at.toISOString()
  const early = Object.values(nodeKeys(road.node)).find(({ id }) => {
    const state = directoryOf(road).nodeKeyState(road.self, id, now)
    return !state.ok && state.fault.code === 'notYetValidKey'
  })
  return early === undefined ? null : roadFaults.clockWrong({ now, key: early.id })
}
