import { useQuery } from '@tanstack/react-query'
import { useCallback, useMemo } from 'react'
import type { DirectoryEntry } from '../terminal/port.ts'
import { useTerminal } from '../terminal/provider.tsx'
import { directoryWords } from '../words.ts'

/** All organs of the network, from the verified directory; read again when the directory changed. */
export function useOrgans() {
  const { terminal, actor } = useTerminal()
  return useQuery({ queryKey: ['directory', actor], queryFn: () => terminal.call('organs', []), staleTime: 5 * 60_000 })
}

/** Where an organ stands, said so that namesakes differ: 临川市望川县 · 县委办公室. */
export const placedTitle = (entry: Pick<DirectoryEntry, 'regionTitle' | 'title'>): string => `${entry.regionTitle} · ${entry.title}`

/** Titles of organs and nodes by id; the id itself until the directory is here. */
export function useOrganTitles(): (id: string) => string {
  const organs = useOrgans()
  const titles = useMemo(() => {
    const found = new Map<string, string>()
    for (const entry of organs.data ?? []) {
      found.set(entry.organ, placedTitle(entry))
      for (const node of entry.path) found.set(node.id, node.title)
      for (const { organ, title } of entry.former) if (organ !== entry.organ && !found.has(organ)) found.set(organ, directoryWords.former(title))
    }
    return found
  }, [organs.data])
  // Nothing rather than an id for the moment it takes to verify the directory.
  const pending = organs.isPending
  return useCallback((id) => titles.get(id) ?? (pending ? '' : id), [titles, pending])
}
