import { linkSettings, view } from '@postroad/directory/service'
import { names } from '@postroad/identity/service'
import type { Node } from '@postroad/kernel/node'
import { bundleContents, bundleStatus } from '@postroad/road/service'
import type { BundleLinks, Contents } from './model.ts'

/** All links of this node that are carried by bundle, under the names that people know. */
export async function bundleLinksOf(node: Node, clearance: number): Promise<BundleLinks> {
  const [directory, settingOf, all] = [view(node), linkSettings(node), await bundleStatus(node)]
  const people = await names(node, all.flatMap(({ out: { open } }) => [open?.preparedBy, open?.releasedBy].filter((id) => id !== null && id !== undefined)))
  const personOf = (id: string | null) => (id === null ? null : { id, name: people.get(id) ?? id })
  return {
    links: all.map(({ link, oneWay, out: { open, held, ...out }, in: { highest, heardAt, gaps, partial } }) => ({
      link, title: directory.node(link)?.title ?? link, oneWay, twoPersons: settingOf(link).release === 'twoPersons', ...out,
      open: open === null ? null : { number: open.number, state: open.state, preparedBy: personOf(open.preparedBy), releasedBy: personOf(open.releasedBy), ...open.summary },
      held: held.filter(({ label }) => label <= clearance).map(({ shipment, sender, created, urgency, label }) => ({ shipment, sender: directory.organ(sender)?.title ?? sender, created, urgency, label })),
      heldAbove: held.filter(({ label }) => label > clearance).length,
      heard: { highest, at: heardAt, gaps, partial: partial.map(({ number }) => number) },
    })),
  }
}

/** What is in a bundle, as far as the reader's clearance goes. @throws road.noBundle */
export async function contentsOf(node: Node, link: string, number: number, clearance: number): Promise<Contents> {
  const directory = view(node)
  const titleOf = (organ: string): string => directory.organ(organ)?.title ?? organ
  const { shipments, aboveClearance } = await bundleContents(node, link, number, clearance)
  return { shipments: shipments.map((one) => ({ ...one, sender: titleOf(one.sender), recipients: one.recipients.map(titleOf) })), aboveClearance }
}
