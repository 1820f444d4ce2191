import type { DirectoryView, NodeBody } from '@postroad/waybill'
import type { z } from 'zod'
import type { nameEntry, treeNode } from './wire.ts'

/** One issuing name as the picker shows it. `place` is the way down from the top of the tree: it tells namesakes apart. */
export type NameEntry = z.infer<typeof nameEntry>
export type TreeNode = z.infer<typeof treeNode>

const MOST_FOUND = 50

// First characters, in pinyin order, of the syllables that begin with each letter; no syllable begins with i, u or v.
const BOUNDARIES = [...'阿八嚓哒妸发旮哈讥咔垃痳拏噢妑七呥扨它穵夕丫帀']
const LETTERS = 'abcdefghjklmnopqrstwxyz'
const pinyin = new Intl.Collator('zh-CN-u-co-pinyin')

/** Initials of a text's pinyin: 望川县委 → wcxw. Letters and digits stand for themselves. Characters with several readings get the commonest. */
export function initialsOf(text: string): string {
  let initials = ''
  for (const char of text.toLowerCase()) {
    if (/[a-z0-9]/.test(char)) initials += char
    else if (/\p{Script=Han}/u.test(char)) initials += LETTERS[BOUNDARIES.findLastIndex((first) => pinyin.compare(first, char) <= 0)] ?? ''
  }
  return initials
}

type Indexed = { readonly entry: NameEntry; readonly haystack: string; readonly initials: readonly string[]; readonly from: string; readonly until: string | null }
const indexes = new WeakMap<DirectoryView, readonly Indexed[]>()

/** Names that are valid at `at` and match every word of `query`: by title, office, code, region or initials of pinyin; the closest first. */
export function searchNames(view: DirectoryView, query: string, at: string): NameEntry[] {
  const index = indexes.get(view) ?? buildIndex(view)
  indexes.set(view, index)
  const words = query.normalize('NFKC').toLowerCase().split(/\s+/).filter((word) => word !== '')
  const found = index.flatMap((each) => {
    if (each.from > at || (each.until !== null && each.until <= at)) return []
    const scores = words.map((word) => score(each, word))
    return scores.includes(0) ? [] : [{ entry: each.entry, score: scores.reduce((sum, one) => sum + one, 0) }]
  })
  found.sort((a, b) => b.score - a.score || a.entry.place.length - b.entry.place.length || pinyin.compare(a.entry.title, b.entry.title))
  return found.slice(0, MOST_FOUND).map(({ entry }) => entry)
}

function score({ entry, haystack, initials }: Indexed, word: string): number {
  if (entry.title === word || entry.code === word) return 16
  if (entry.title.startsWith(word) || entry.code.startsWith(word)) return 8
  if (entry.title.includes(word) || entry.organTitle.includes(word)) return 4
  if (initials.some((each) => each.startsWith(word))) return 3
  if (haystack.includes(word)) return 2
  return word.length > 1 && initials.some((each) => each.includes(word)) ? 1 : 0
}

function buildIndex(view: DirectoryView): Indexed[] {
  return view.names().flatMap((name) => {
    const organ = view.organ(name.organ)
    const node = organ === null ? null : view.node(organ.node)
    if (organ === null || node === null) return []
    const entry: NameEntry = {
      name: name.name, title: name.title, code: name.code, organ: organ.organ, organTitle: organ.title, system: organ.system,
      region: organ.region, regionTitle: organ.regionTitle, node: node.node, nodeTitle: node.title, place: placeOf(view, node, organ.regionTitle),
    }
    const haystack = [entry.title, entry.organTitle, entry.code, ...entry.place, entry.nodeTitle, entry.name, entry.organ].join(' ').toLowerCase()
    const regionAndOrgan = `${entry.regionTitle}${entry.organTitle}`
    return [{ entry, haystack, initials: [entry.title, entry.organTitle, entry.code, regionAndOrgan].map(initialsOf), from: name.from, until: name.until }]
  })
}

/** Region titles from the top down to the office's own, each once. */
function placeOf(view: DirectoryView, node: NodeBody, regionTitle: string): string[] {
  const titles = view.ancestors(node.node).toReversed().map((id) => view.node(id)?.regionTitle ?? '')
  return [...new Set([...titles, regionTitle])].filter((title) => title !== '')
}

/** The whole tree with the organs and names that are valid at `at`. */
export function treeOf(view: DirectoryView, at: string): TreeNode | null {
  const nodes = new Map<string, TreeNode>()
  let root: TreeNode | null = null
  for (const { node, title, level, region, regionTitle } of view.nodes()) nodes.set(node, { node, title, level, region, regionTitle, organs: [], children: [] })
  for (const { organ: id } of view.organs()) {
    const organ = view.organ(id, at)
    if (organ === null) continue
    const names = view.namesOf(organ.organ, at).map(({ name, title, code }) => ({ name, title, code }))
    nodes.get(organ.node)?.organs.push({ organ: organ.organ, title: organ.title, system: organ.system, region: organ.region, regionTitle: organ.regionTitle, names, deputies: view.deputiesOf(organ.organ, at) })
  }
  for (const { node, parent } of view.nodes()) {
    const entry = nodes.get(node)
    if (entry === undefined) continue
    if (parent === null) root = entry
    else nodes.get(parent)?.children.push(entry)
  }
  return root
}
