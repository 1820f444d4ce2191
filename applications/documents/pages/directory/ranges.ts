import type { Addressee } from '../../terminal/types.ts'
import type { DirectoryEntry } from '../terminal/port.ts'

/** A range computed from the directory: all organs of a region with everything below it, of one system, of one level. Empty: any. */
export type Scope = { readonly region: string; readonly system: string; readonly level: string }

/** 32 of 320000, 3201 of 320100: what the codes of a region and of all below it begin with. Other names of regions stand for themselves. */
const stem = (region: string): string => (/^\d{6}$/.test(region) ? region.replace(/(00){1,2}$/, '') : region)

/** 省级, 市级 or 县级 by the code of the region; where it is none, by the node that hosts the organ. */
export function levelOf(region: string, hostLevel: string): string {
  if (!/^\d{6}$/.test(region)) return hostLevel
  return region.endsWith('0000') ? 'province' : region.endsWith('00') ? 'city' : 'county'
}

/** The organs in a range, in the directory's order. */
export const inScope = (entries: readonly DirectoryEntry[], { region, system, level }: Scope): DirectoryEntry[] =>
  entries.filter((entry) => (region === '' || entry.region.startsWith(stem(region))) && (system === '' || entry.system === system) && (level === '' || entry.level === level))

/** Regions that organs stand in, the wider before the narrower: by code where they have one. */
export function regionsOf(entries: readonly DirectoryEntry[]): { readonly region: string; readonly title: string }[] {
  const titles = new Map(entries.map(({ region, regionTitle }) => [region, regionTitle]))
  return [...titles].map(([region, title]) => ({ region, title })).sort((one, other) => (one.region < other.region ? -1 : 1))
}

/** Why somebody in a range cannot be written to. */
export type Unreachable = 'leaving' | 'noKey' | 'noName' | 'ended'
export type Expanded = { readonly addressees: readonly Addressee[]; readonly leftOut: readonly { readonly organ: string; readonly title: string; readonly reason: Unreachable }[] }

/** Makes recipients of what a range or a list names, leaving out with the reason whom nobody can write to now. A member's name that is no longer held gives way to the organ's first. */
export function expand(entries: ReadonlyMap<string, DirectoryEntry>, members: readonly { readonly organ: string; readonly name?: string; readonly role: 'to' | 'cc' }[]): Expanded {
  const addressees: Addressee[] = []
  const leftOut: { organ: string; title: string; reason: Unreachable }[] = []
  for (const { organ, name, role } of members) {
    const entry = entries.get(organ)
    const held = entry?.names.find(({ id }) => id === name) ?? entry?.names[0]
    if (entry === undefined) leftOut.push({ organ, title: organ, reason: 'ended' })
    else if (held === undefined) leftOut.push({ organ, title: `${entry.regionTitle} · ${entry.title}`, reason: 'noName' })
    else if (entry.leaving) leftOut.push({ organ, title: `${entry.regionTitle} · ${entry.title}`, reason: 'leaving' })
    else if (!entry.keyed) leftOut.push({ organ, title: `${entry.regionTitle} · ${entry.title}`, reason: 'noKey' })
    else addressees.push({ organ, name: held.id, role })
  }
  return { addressees, leftOut }
}

/** Adds recipients to those chosen: who is there already stays as chosen, and the sender never writes to itself by a range. */
export function joined(chosen: readonly Addressee[], more: readonly Addressee[], sender: string): Addressee[] {
  const there = new Set([...chosen.map(({ organ }) => organ), sender])
  return [...chosen, ...more.filter(({ organ }) => !there.has(organ))]
}
