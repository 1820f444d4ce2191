import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type DemoNode, DUTIES, NETWORK } from './network.ts'

/** Where a node's parent answers and how it is recognised. */
export type ParentAddress = { readonly node: string; readonly url: string; readonly anchor: string }

/**
 * Writes a node's first-start settings unless they are there already, and answers their path.
 * Join codes are random; the parent knows them from its own file, the child from its.
 */
export function writeBootstrap(home: string, node: DemoNode, parent: ParentAddress | null): string {
  mkdirSync(home, { recursive: true, mode: 0o711 })
  const file = join(home, 'bootstrap.json')
  const settings = {
    node: { id: node.id, title: node.title, level: node.level, region: node.region.id, regionTitle: node.region.title, maxLabel: 2 },
    parent: parent === null || node.parent === null ? null : { ...parent, code: joinCode(join(home, '..'), node.id) },
    invites: NETWORK.filter((child) => child.parent === node.id).map((child) => ({ node: child.id, code: joinCode(join(home, '..'), child.id) })),
    organs: node.organs.map((organ) => ({ id: organ.id, title: organ.title, system: organ.system, region: organ.region.id, regionTitle: organ.region.title, names: organ.names, deputies: organ.deputies ?? [] })),
    people: node.organs.flatMap((organ) =>
      organ.people.map((person) => ({ id: person.id, name: person.name, posts: [{ id: `${person.id}.post`, organ: organ.id, title: person.post, duties: DUTIES[person.duties] }], clearance: 2 }))),
  }
  writeOnce(file, JSON.stringify(settings, null, 2))
  return file
}

/** One random code per joining node, kept next to the homes until both sides have read it. */
function joinCode(demoHome: string, node: string): string {
  const file = join(demoHome, `join-${node}.code`)
  writeOnce(file, randomBytes(20).toString('base64url'))
  return readFileSync(file, 'utf8')
}

function writeOnce(file: string, text: string): void {
  try {
    writeFileSync(file, text, { mode: 0o600, flag: 'wx' })
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown
  }
}
