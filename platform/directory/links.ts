import { readFileSync } from 'node:fs'
import { directoryId, label } from '@postroad/waybill'
import { z } from 'zod'

/** 4 GB: a volume fits a DVD and a FAT-formatted stick. */
const VOLUME_BYTES = 4_000_000_000
const command = z.array(z.string().min(1).max(4096)).min(1).max(50)

const linkSetting = z.strictObject({
  /** What carries the link. By bundle nothing is ever sent to, or taken from, the peer over the network. */
  carrier: z.enum(['https', 'bundle']).default('https'),
  /** Nothing comes back (a diode without a return path): threads do not wait for custody, and what stays unconfirmed is shown. */
  oneWay: z.boolean().default(false),
  /** Who may let a bundle out: the operator alone, or one person who prepares and another who releases (双人放行). */
  release: z.enum(['onePerson', 'twoPersons']).default('twoPersons'),
  /** Highest label that may go over this link, in each direction; a node's own limit holds besides. */
  maxLabel: z.strictObject({ out: label.default(7), in: label.default(7) }).prefault({}),
  volumeBytes: z.number().int().min(1000).max(2 ** 40).default(VOLUME_BYTES),
  /** Shipments without an answer go again after so many bundles or days; at once when the peer says that it lacks the bundle. One way, where no answer comes, they go so many `times` in all. */
  again: z.strictObject({ bundles: z.number().int().min(1).max(1000).default(3), days: z.number().min(0).max(3650).default(10), times: z.number().int().min(1).max(1000).default(5) }).prefault({}),
  /** Run over every volume written or read, with its path as last argument; exit code 0 lets it pass. */
  scan: command.nullable().default(null),
})
export type LinkSetting = z.infer<typeof linkSetting>
export type LinkSettings = (peer: string) => LinkSetting

const linksFile = z.record(directoryId, linkSetting)
const PLAIN: LinkSetting = linkSetting.parse({})

/**
 * The file that `POSTROAD_LINKS` names: `{ "<peer>": { "carrier": "bundle", … } }`. It is the machine's, not the database's: it names commands to run.
 * @throws ZodError, SyntaxError on a wrong file: a node does not start with half of its limits
 */
export function readLinkSettings(path: string | null): LinkSettings {
  if (path === null) return () => PLAIN
  const links = new Map(Object.entries(linksFile.parse(JSON.parse(readFileSync(path, 'utf8')))))
  return (peer) => links.get(peer) ?? PLAIN
}
