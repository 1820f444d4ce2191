import type { DirectoryView } from '@postroad/waybill'
import { levelOf } from '../directory/ranges.ts'
import type { DirectoryEntry } from './port.ts'

/** What this desk writes in. */
const SUITE = 'SM'

/** The living organs of a verified directory, as plain data for the page, each with its place in the tree. */
export function directoryEntries(view: DirectoryView, at: string): DirectoryEntry[] {
  return view.organs().flatMap(({ organ }) => view.organ(organ, at) ?? []).map((organ) => ({
    organ: organ.organ,
    title: organ.title,
    system: organ.system,
    region: organ.region,
    regionTitle: organ.regionTitle,
    level: levelOf(organ.region, view.node(organ.node)?.level ?? ''),
    leaving: view.leaving(organ.node) !== null,
    keyed: view.keysOf(organ.organ, 'encrypt', SUITE, at).length > 0,
    path: view.ancestors(organ.node).reverse().map((id) => {
      const node = view.node(id)
      return { id, title: node?.title ?? id, regionTitle: node?.regionTitle ?? '' }
    }),
    names: view.namesOf(organ.organ, at).map(({ name, title, code }) => ({ id: name, title, code })),
    deputies: view.deputiesOf(organ.organ, at),
    former: formerTitles(view, organ.organ, at),
  }))
}

/** Titles of the organs that this one took over, and what it and they were called or issued in before, newest first, each once. */
function formerTitles(view: DirectoryView, organ: string, at: string): DirectoryEntry['former'] {
  const now = new Set([view.organ(organ, at)?.title, ...view.namesOf(organ, at).map(({ title }) => title)])
  const own = view.organPeriods(organ).filter(({ until }) => until !== null && until <= at)
  const taken = view.predecessorsOf(organ, at).flatMap((id) => view.organPeriods(id))
  const titles = [...taken, ...own].map((period) => ({ organ: period.organ, title: period.title }))
  const names = view.names().filter((name) => name.until !== null && name.until <= at && [organ, ...taken.map((period) => period.organ)].includes(name.organ)).map((name) => ({ organ: name.organ, title: name.title }))
  return [...new Map([...titles, ...names].reverse().filter(({ title }) => !now.has(title)).map((each) => [`${each.organ} ${each.title}`, each])).values()]
}
