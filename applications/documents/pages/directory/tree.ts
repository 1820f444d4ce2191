import type { DirectoryEntry } from '../terminal/port.ts'

/** A branch of the picker's tree: a node, a region hosted by a node, or (as a leaf) an organ. */
export type Branch = { readonly key: string; readonly title: string; readonly organ: DirectoryEntry | null; readonly children: Branch[] }

/**
 * The network as people know it: node under node; inside a node its own organs first, then the regions it hosts that have no machine of their own.
 */
export function directoryTree(entries: readonly DirectoryEntry[]): Branch[] {
  const roots: Branch[] = []
  const found = new Map<string, Branch>()
  const branch = (key: string, title: string, siblings: Branch[]): Branch => {
    const known = found.get(key)
    if (known !== undefined) return known
    const made = { key, title, organ: null, children: [] }
    found.set(key, made)
    siblings.push(made)
    return made
  }
  for (const entry of [...entries].sort((one, other) => one.path.length - other.path.length)) {
    let siblings = roots
    for (const node of entry.path) siblings = branch(`node:${node.id}`, node.title, siblings).children
    const host = entry.path.at(-1)
    if (host !== undefined && entry.regionTitle !== host.regionTitle) siblings = branch(`region:${host.id}:${entry.regionTitle}`, entry.regionTitle, siblings).children
    siblings.push({ key: entry.organ, title: entry.title, organ: entry, children: [] })
  }
  const organsFirst = (branches: Branch[]) => {
    branches.sort((one, other) => Number(one.organ === null) - Number(other.organ === null))
    for (const { children } of branches) organsFirst(children)
  }
  organsFirst(roots)
  return roots
}

/** Organs whose title, region or printed name holds every word typed; those that begin with the first word come first. */
export function searchEntries(entries: readonly DirectoryEntry[], typed: string, limit = 20): DirectoryEntry[] {
  const words = typed.trim().split(/\s+/).filter((word) => word !== '')
  if (words.length === 0) return []
  const text = (entry: DirectoryEntry) => [entry.regionTitle, entry.title, ...entry.names.map(({ title }) => title), ...entry.former.map(({ title }) => title)].join(' ')
  const rank = (entry: DirectoryEntry) => (entry.title.startsWith(words[0] ?? '') ? 0 : 1)
  return entries.filter((entry) => words.every((word) => text(entry).includes(word))).sort((one, other) => rank(one) - rank(other)).slice(0, limit)
}
