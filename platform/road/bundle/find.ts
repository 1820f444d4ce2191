import { opendir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { roadFaults } from '../words.ts'
import { MANIFEST_SUFFIX } from './format.ts'

/** Where the files of a medium are: manifests to read, and the place of a file by the name that its manifest gives it. */
export type Medium = { readonly manifests: readonly string[]; locate(name: string, manifest: string): string | null }

/** A folder with more entries than this is no medium of ours. */
const MOST_ENTRIES = 100_000

/**
 * Looks at folders and files: a folder gives what lies directly in it, a file itself. Volumes may lie in another place than their manifest.
 * @throws road.bundleUnreadable for a place that is not there
 */
export async function lookForBundles(places: readonly string[]): Promise<Medium> {
  const files = new Map<string, string[]>()
  const add = (path: string): void => void files.set(basename(path), [...(files.get(basename(path)) ?? []), path])
  for (const place of places) {
    const found = await stat(place).catch(() => null)
    if (found === null) throw roadFaults.bundleUnreadable({ place: basename(place).slice(0, 200) })
    if (!found.isDirectory()) {
      add(place)
      continue
    }
    let seen = 0
    for await (const entry of await opendir(place)) {
      seen += 1
      if (seen > MOST_ENTRIES) break
      if (entry.isFile() && entry.name.endsWith('.postroad')) add(join(place, entry.name))
    }
  }
  return {
    manifests: [...files].filter(([name]) => name.endsWith(MANIFEST_SUFFIX)).flatMap(([, paths]) => paths).toSorted(),
    locate(name, manifest) {
      const paths = files.get(name) ?? []
      return paths.find((path) => dirname(path) === dirname(manifest)) ?? paths[0] ?? null
    },
  }
}
