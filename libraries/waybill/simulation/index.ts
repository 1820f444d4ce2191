/** Networks that exist in memory only: for tests, for the checker, and for tools that want to see the protocol at work. */
export { createNetwork, type Network, type NodeSpec, nodeKeyName, organKeyName, type OrganKeys, treeOf } from './network.ts'
export { createDice, type Dice } from './random.ts'
export { SPECS, type SimulationOrder, simulate, simulationNetwork } from './run.ts'
export { PLANTED_BUGS, type PlantedBug } from './station.ts'
export type { HistoryEvent } from './world.ts'
