import { randomUUID } from 'node:crypto'
import { append, distributeCertificates, neighbours, organKeyBodies, refresh, view, viewNow } from '@postroad/directory/service'
import { suites } from '@postroad/gm/node'
import { movePosts, names, postsOfOrgan } from '@postroad/identity/service'
import type { Tx } from '@postroad/kernel/database'
import { Refusal } from '@postroad/kernel/errors'
import type { Node } from '@postroad/kernel/node'
import { type PersonPrincipal, type Principal, service } from '@postroad/kernel/principal'
import { createOrganKeys, listBequests } from '@postroad/keys/service'
import { actorOf, record } from '@postroad/ledger/service'
import { type Holdings, handOver, holdingsOf } from '@postroad/road/service'
import { type StatementBody, hashOf } from '@postroad/waybill'
import { type Facts, type Order, type Plan, type Problem, type Step, essenceOf, mayFollow, planOf } from './model.ts'
import { type Called, type Told, tell } from './telling.ts'
import { type ActRow, dueActs, insertAct, insertStep, listActs, lockAct } from './store.ts'
import { reorganisationFaults } from './words.ts'

/** A plan as it is shown before anybody approves it: also what the organ keeps here, and all of it in sentences. */
export type Preview = Plan & { readonly holdings: Holdings; readonly told: Told }

const MOST_LISTED = 200
const DIRECTORY = service('directory')

/** What an order would do, and what stands in its way. Changes nothing. @throws reorganisation.cannotBeCarriedOut where there is no such organ to speak of */
export async function preview(node: Node, order: Order): Promise<Preview> {
  const bequests = await listBequests(node)
  const { facts, holdings } = await node.transaction(DIRECTORY, (tx) => factsFor(tx, node, order, bequests))
  const plan = planOf(order, facts)
  if (plan.problems.some(({ code }) => code === 'unknownOrgan')) throw reorganisationFaults.cannotBeCarriedOut({ problems: problemsText(plan.problems) })
  const people = await names(node, facts.posts.map(({ person }) => person))
  const called: Called = {
    organ: (id) => facts.view.organ(id)?.title ?? (order.kind === 'establish' && id === order.organ ? order.title : id),
    node: (id) => facts.view.node(id)?.title ?? id,
    post: (person, id) => `${people.get(person) ?? person}（${facts.posts.find((post) => post.person === person && post.id === id)?.title ?? id}）`,
  }
  return { ...plan, holdings, told: tell(order, plan, holdings, facts.view, called) }
}

export type Surroundings = {
  readonly self: string
  /** Organs that stand at this node, with the names they hold and who works there. */
  readonly here: readonly { readonly organ: string; readonly title: string; readonly names: readonly { readonly name: string; readonly title: string; readonly code: string }[]; readonly posts: readonly { readonly person: string; readonly name: string; readonly post: string; readonly title: string }[] }[]
  /** Organs of the nodes next to this one: heirs across a link are mostly there. */
  readonly near: readonly { readonly organ: string; readonly title: string; readonly nodeTitle: string }[]
}

/** What a plan is drawn from: the organs of this node, and those of its neighbours. */
export async function surroundings(node: Node): Promise<Surroundings> {
  const directory = view(node)
  const now = node.now().toISOString()
  const self = node.config.node
  const standing = directory.organs().filter(({ organ }) => directory.organ(organ, now) !== null)
  const own = standing.filter((entry) => entry.node === self)
  const posts = await node.transaction(DIRECTORY, async (tx) => {
    const found = []
    for (const { organ } of own) found.push(...(await postsOfOrgan(tx, node, organ)))
    return found
  })
  const people = await names(node, [...new Set(posts.map(({ person }) => person))])
  const near = new Set(neighbours(node))
  return {
    self,
    here: own.map(({ organ, title }) => ({
      organ, title, names: directory.namesOf(organ, now).map(({ name, title: printed, code }) => ({ name, title: printed, code })),
      posts: posts.filter((post) => post.organ === organ).map(({ person, id, title: called }) => ({ person, name: people.get(person) ?? person, post: id, title: called })),
    })),
    near: standing.filter((entry) => near.has(entry.node)).map(({ organ, title, node: host }) => ({ organ, title, nodeTitle: directory.node(host)?.title ?? host })),
  }
}

/** How the organs of an act were called when it was prepared, and who took its steps. */
export async function calledIn(node: Node, rows: readonly ActRow[]): Promise<{ organ(id: string, row: ActRow): string; person(id: string): string }> {
  const directory = view(node)
  const people = await names(node, [...new Set(rows.flatMap(({ steps }) => steps.map(({ person }) => person)))])
  return {
    organ: (id, { order, steps }) => directory.organ(id, steps[0]?.at.toISOString() ?? '')?.title ?? directory.organ(id)?.title ?? (order.kind === 'establish' ? order.title : id),
    person: (id) => people.get(id) ?? id,
  }
}

async function factsFor(tx: Tx, node: Node, order: Order, bequests: Facts['bequests']): Promise<{ facts: Facts; holdings: Holdings }> {
  const current = await viewNow(tx, node)
  const holdings = await holdingsOf(tx, order.organ)
  const posts = await postsOfOrgan(tx, node, order.organ)
  const holds = Object.values(holdings).reduce((sum, count) => sum + count, 0)
  return { facts: { view: current, self: node.config.node, now: node.now().toISOString(), posts, holds, bequests }, holdings }
}

const essence = (plan: Plan, now: string): string => hashOf(suites.SM, 'reorganisation', essenceOf(plan, now))
const problemsText = (problems: readonly Problem[]): string => problems.map(({ code, about }) => `${code} ${about}`).join('; ').slice(0, 500)

/** 拟办: keeps an order that could be carried out as things stand. @throws reorganisation.cannotBeCarriedOut */
export async function prepare(node: Node, person: PersonPrincipal, order: Order): Promise<string> {
  const bequests = await listBequests(node)
  const id = randomUUID()
  await node.transaction(DIRECTORY, async (tx) => {
    const { facts } = await factsFor(tx, node, order, bequests)
    const plan = planOf(order, facts)
    if (plan.problems.length > 0) throw reorganisationFaults.cannotBeCarriedOut({ problems: problemsText(plan.problems) })
    await insertAct(tx, { id, order, essence: essence(plan, facts.now), at: node.now() })
    await take(tx, node, person, id, 'prepared', { kind: order.kind, organ: order.organ, basis: order.basis })
  })
  return id
}

/** 核准, by another person than who prepared it; what has changed since is refused. Carried out at once if its day has come, else by the node on that day. */
export async function approve(node: Node, person: PersonPrincipal, id: string): Promise<void> {
  const bequests = await listBequests(node)
  await node.transaction(DIRECTORY, async (tx) => {
    const act = await find(tx, id, 'approved')
    if (act.steps[0]?.person === person.person) throw reorganisationFaults.samePerson()
    await requireSame(tx, node, act, bequests)
    await take(tx, node, person, id, 'approved', {})
  })
  await carryOutDue(node)
}

/** 撤回, before it was carried out. */
export async function withdraw(node: Node, person: PersonPrincipal, id: string): Promise<void> {
  await node.transaction(DIRECTORY, async (tx) => {
    await find(tx, id, 'withdrawn')
    await take(tx, node, person, id, 'withdrawn', {})
  })
}

/** All acts of this node, newest first. */
export const acts = (node: Node): Promise<readonly ActRow[]> => node.transaction(DIRECTORY, (tx) => listActs(tx, MOST_LISTED))
export const stateOf = ({ steps }: Pick<ActRow, 'steps'>): Step => steps.at(-1)?.step ?? 'prepared'

async function find(tx: Tx, id: string, next: Step): Promise<ActRow> {
  const act = await lockAct(tx, id)
  if (act === null) throw reorganisationFaults.notFound()
  if (!mayFollow(stateOf(act), next)) throw reorganisationFaults.wrongState({ state: stateOf(act) })
  return act
}

/** The plan as it is now, if it is still what was prepared. */
async function requireSame(tx: Tx, node: Node, { order, essence: prepared }: ActRow, bequests: Facts['bequests']): Promise<{ plan: Plan; facts: Facts }> {
  const { facts } = await factsFor(tx, node, order, bequests)
  const plan = planOf(order, facts)
  if (plan.problems.length > 0) throw reorganisationFaults.cannotBeCarriedOut({ problems: problemsText(plan.problems) })
  if (essence(plan, facts.now) !== prepared) throw reorganisationFaults.planChanged()
  return { plan, facts }
}

/** A step and its audit are written together. */
async function take(tx: Tx, node: Node, by: Principal, id: string, step: Step, detail: Readonly<Record<string, string | number>>): Promise<void> {
  const person = by.kind === 'person' ? { person: by.person, post: by.acting.id } : { person: '-', post: '-' }
  await insertStep(tx, id, { step, ...person, detail, at: node.now() })
  await record(tx, node, { act: `reorganisation.${step}`, actor: actorOf(by), object: id, outcome: step === 'stopped' ? 'refused' : 'done', detail })
}

/** Carries out every approved act whose day has come. What can no longer be done stops, is audited, and stops no other. */
export async function carryOutDue(node: Node): Promise<void> {
  const due = await node.transaction(DIRECTORY, (tx) => dueActs(tx, node.now()))
  for (const id of due) {
    try {
      await carryOut(node, id)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      if (error.code === 'reorganisation.wrongState') continue // another process was quicker
      await node.transaction(DIRECTORY, async (tx) => {
        await find(tx, id, 'stopped')
        await take(tx, node, DIRECTORY, id, 'stopped', { code: error.code, problems: String(error.detail['problems'] ?? '') })
      })
    }
  }
}

/** One transaction: the directory says it, the inbox, open cases, archive and posts move, and the ledger records it, or none of it. */
async function carryOut(node: Node, id: string): Promise<void> {
  const bequests = await listBequests(node)
  const keyBodies = await keysFor(node, id)
  await node.transaction(DIRECTORY, async (tx) => {
    const act = await find(tx, id, 'done')
    const { plan, facts } = await requireSame(tx, node, act, bequests)
    await append(tx, node, [...plan.statements, ...keyBodies])
    const moved = plan.handOver === null ? { inbox: 0, cases: 0, archive: 0, sent: 0 } : await handOver(tx, act.order.organ, plan.handOver)
    const held = await postsOfOrgan(tx, node, act.order.organ)
    await movePosts(tx, node, plan.postMoves.flatMap(({ person, post, heir }) => held.filter((one) => one.person === person && one.id === post).map((one) => ({ post: one, heir }))))
    await take(tx, node, DIRECTORY, id, 'done', { kind: act.order.kind, organ: act.order.organ, from: facts.now, statements: plan.statements.length, posts: plan.postMoves.length, ...moved })
    await node.emit(tx, 'reorganisation.done', { organ: act.order.organ, kind: act.order.kind })
  })
  await refresh(node)
  await distributeCertificates(node)
}

/** A new organ's keys (or those of one that moved here) are made by the key process before it is stated: made once, however often this is tried. */
async function keysFor(node: Node, id: string): Promise<readonly StatementBody[]> {
  const act = await node.transaction(DIRECTORY, (tx) => lockAct(tx, id))
  if (act === null || !('holders' in act.order) || stateOf(act) !== 'approved') return []
  const { organ, holders } = act.order
  const title = act.order.kind === 'establish' ? act.order.title : (view(node).organ(organ)?.title ?? organ)
  const made = await createOrganKeys(node, organ, holders.map((person) => ({ person })))
  return organKeyBodies(node, { id: organ, title }, made, node.now())
}
