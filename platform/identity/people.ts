import { randomUUID } from 'node:crypto'
import { open, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Node } from '@postroad/kernel/node'
import { type PersonPrincipal, service } from '@postroad/kernel/principal'
import { kernelFaults } from '@postroad/kernel/words'
import { actorOf, record } from '@postroad/ledger/service'
import { issueCode } from './enrolment.ts'
import type { FirstSignIn, NewPerson } from './model.ts'
import { findPerson, insertPerson, insertPost, namesOf, peopleOf } from './store.ts'

/** Where first sign-in details wait for whoever hands them over and then removes the file. */
export const firstSignInFile = (home: string): string => join(home, 'first-sign-in.json')

/**
 * Makes the people of the first-start settings, each with a one-time code. Who is there already is left alone, so it may run at every start.
 * The details are written before the transaction commits: a code that works is always in the file. Answers the new ones.
 */
export async function bootstrapPeople(node: Node, people: readonly NewPerson[]): Promise<readonly FirstSignIn[]> {
  return node.transaction(service('identity'), async (tx) => {
    const made: FirstSignIn[] = []
    for (const { id, account = id, name, clearance, posts } of people) {
      if (!(await insertPerson(tx, { id, account, name, clearance }, node.now()))) continue
      for (const post of posts) await insertPost(tx, id, post, node.now())
      const { code, expires } = await issueCode(tx, node, id, 'account', 'bootstrap')
      made.push({ person: id, account, name, code, expires: expires.toISOString(), posts: posts.map(({ id: post, organ, title }) => ({ id: post, organ, title })) })
      await record(tx, node, { act: 'identity.bootstrap', actor: actorOf(service('identity')), object: id, outcome: 'done', detail: { posts: posts.length } })
    }
    if (made.length > 0) await keepDetails(firstSignInFile(node.config.home), made)
    return made
  })
}

async function keepDetails(path: string, made: readonly FirstSignIn[]): Promise<void> {
  const before = await readFile(path, 'utf8').then((text) => JSON.parse(text) as FirstSignIn[], () => [])
  const kept = before.filter(({ person }) => !made.some((each) => each.person === person))
  const temporary = `${path}.${randomUUID()}`
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(`${JSON.stringify([...kept, ...made], null, 2)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  const folder = await open(dirname(path), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** People with a current post in one of the reader's organs: to whom an organ's key may be given, who else works here. @throws kernel.notFound for others' organs */
export async function colleagues(node: Node, person: PersonPrincipal, organ: string): Promise<readonly { id: string; name: string; posts: readonly string[] }[]> {
  if (!person.organs.includes(organ)) throw kernelFaults.notFound()
  return node.transaction(person, (tx) => peopleOf(tx, organ, node.now()))
}

/** Names by person id, for rooms that show who did something. Unknown ids are left out. */
export const names = (node: Node, ids: readonly string[]): Promise<ReadonlyMap<string, string>> => node.transaction(service('identity'), (tx) => namesOf(tx, ids))

/** The account that a person signs in with. */
export async function accountOf(node: Node, person: string): Promise<string | null> {
  return node.transaction(service('identity'), async (tx) => (await findPerson(tx, { id: person }))?.account ?? null)
}
