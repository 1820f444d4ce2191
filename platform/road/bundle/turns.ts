import type { Node } from '@postroad/kernel/node'
import type { PersonPrincipal } from '@postroad/kernel/principal'
import type { BundleRow } from '../store/bundles.ts'
import { type ExportOrder, type Exported, exportBundle } from './export.ts'
import { type ImportReport, importBundles } from './import.ts'
import { withdrawBundle } from './prepare.ts'

/** Media are handled one after the other: two at once would only read and write each other's halves. */
const turns = new WeakMap<Node, Promise<unknown>>()

function inTurn<T>(node: Node, work: () => Promise<T>): Promise<T> {
  const turn = (turns.get(node) ?? Promise.resolve()).then(work, work)
  turns.set(node, turn)
  return turn
}

/** `exportBundle`, in its turn. */
export const exportInTurn = (node: Node, order: ExportOrder): Promise<Exported> => inTurn(node, () => exportBundle(node, order))
/** `importBundles`, in its turn. */
export const importInTurn = (node: Node, places: readonly string[]): Promise<readonly ImportReport[]> => inTurn(node, () => importBundles(node, places))
/** `withdrawBundle`, in its turn: not while it is being written. */
export const withdrawInTurn = (node: Node, principal: PersonPrincipal, link: string, number: number): Promise<BundleRow> => inTurn(node, () => withdrawBundle(node, principal, link, number))
