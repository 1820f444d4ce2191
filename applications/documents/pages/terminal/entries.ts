import type { DirectoryView } from '@postroad/waybill'
import { levelOf } from '../directory/ranges.ts'
import type { DirectoryEntry } from './port.ts'

/** What this desk writes in. */
const SUITE = 'SM'

/** The living organs of a verified directory, as plain data for the page, each with its place in the tree. */
export function directoryEntries(view: DirectoryView, at: string): DirectoryEntry[] {
  return view.organs().filter((organ) => organ.from <= at && (organ.until === null || at < organ.until)).map((organ) => ({
    organ: organ.organ,
    title: organ.title,
    system: organ.system,
    region: organ.region,
    regionTitle: organ.regionTitle,
    level: levelOf(organ.region, view.node(organ.node)?.level ?? ''),
    keyed: view.keysOf(organ.organ, 'encrypt', SUITE, at).length > 0,
    path: view.ancestors(organ.node).reverse().map((id) => {
      const node = view.node(id)
      return { id, title: node?.title ?? id, regionTitle: node?.regionTitle ?? '' }
    }),
    names: view.namesOf(organ.organ, at).map(({ name, title, code }) => ({ id: name, title, code })),
    deputies: view.deputiesOf(organ.organ, at),
  }))
}
