import { type DirectoryView, type IssuingNameEntry, type OrganBody, type OrganEntry, type StatementBody, directoryId, instant } from '@postroad/waybill'
import { z } from 'zod'

// 机构改革 as a dated act: what is ordered, what is wrong with it, and what will be stated and moved. No I/O.

/** 发文字号 of the document that orders it: 县编发〔2026〕3号. */
export const BASIS = /^[\p{Script=Han}A-Za-z]{1,30}〔\d{4}〕\d{1,5}号$/u
const title = z.string().min(1).max(200)
const newName = z.strictObject({ name: directoryId, title, code: z.string().max(40) })
const basis = { /** 依据 */ basis: z.string().max(60).regex(BASIS), /** Not before this instant. */ on: instant, organ: directoryId }
const heirs = z.strictObject({
  /** Takes the inbox and whatever is still addressed to the organ. */
  inbox: directoryId,
  /** Takes what was signed for and is not registered yet. */
  cases: directoryId,
  /** Takes what was received and sent before. */
  archive: directoryId,
})
export type Heirs = z.infer<typeof heirs>
/** A post that goes to another heir than the inbox's, or (null) to none. */
const postMove = z.strictObject({ person: z.string().min(1).max(64), post: z.string().min(1).max(64), heir: directoryId.nullable() })

export const order = z.discriminatedUnion('kind', [
  /** 设立: an organ that others will merge into or split to. `holders` are the people who hold its keys. */
  z.strictObject({
    kind: z.literal('establish'), ...basis, title, system: z.enum(['party', 'government', 'congress', 'cppcc', 'mass']), region: z.string().max(32), regionTitle: z.string().max(100),
    names: z.array(newName).min(1).max(50), holders: z.array(directoryId).min(1).max(50),
  }),
  /** 更名: the organ's title, and new names in the place of old ones. */
  z.strictObject({ kind: z.literal('rename'), ...basis, title, names: z.array(newName.extend({ replaces: directoryId })).max(50) }),
  /** 合并: into one that stands. 分设: among several. 撤销: with heirs, or without any. */
  z.strictObject({ kind: z.literal('merge'), ...basis, heirs, posts: z.array(postMove).max(1000), /** Names that the inbox's heir goes on using. */ keepNames: z.array(directoryId).max(50) }),
  z.strictObject({ kind: z.literal('split'), ...basis, heirs, posts: z.array(postMove).max(1000), keepNames: z.array(directoryId).max(50) }),
  z.strictObject({ kind: z.literal('abolish'), ...basis, heirs: heirs.nullable(), posts: z.array(postMove).max(1000) }),
  /** 迁出: the organ moves to another node, which then receives it. */
  z.strictObject({ kind: z.literal('move'), ...basis, to: directoryId }),
  /** 迁入: at the new node, once the old one let it go. Its names go on; its keys are new. */
  z.strictObject({ kind: z.literal('receive'), ...basis, holders: z.array(directoryId).min(1).max(50) }),
  /** 挂牌: one more issuing name; `until` where it is given for a time. */
  z.strictObject({ kind: z.literal('plate'), ...basis, names: z.array(newName.extend({ until: instant.nullable() })).min(1).max(50) }),
])
export type Order = z.infer<typeof order>
export type OrderKind = Order['kind']

/** What the plan is made from, as it stands at an instant. */
export type Facts = {
  readonly view: DirectoryView
  readonly self: string
  readonly now: string
  /** Posts held in the organ: person and post. */
  readonly posts: readonly { readonly person: string; readonly id: string; readonly title: string }[]
  /** How many deliveries and sent documents the organ keeps here. */
  readonly holds: number
  /** Who gave its keys for decrypting to whom. */
  readonly bequests: readonly { readonly from: string; readonly to: string }[]
}

/** Why an order cannot be carried out as it stands. Words for people are in words.ts. */
export const PROBLEMS = [
  'unknownOrgan', 'organEnded', 'notHosted', 'alreadyExists', 'foreignId', 'nothingChanges', 'nameUnknown', 'nameNotHeld', 'nameTaken', 'titleTaken',
  'codeTaken', 'heirUnknown', 'heirEnded', 'heirIsSelf', 'heirLoop', 'oneHeir', 'twoHeirs', 'heirElsewhere', 'heirNoKeys', 'keysNotHandedOver', 'stillHolds', 'nodeUnknown', 'notGiven', 'postUnknown', 'postHeir', 'untilPast',
] as const
export type ProblemCode = (typeof PROBLEMS)[number]
export type Problem = { readonly code: ProblemCode; readonly about: string }

export type Plan = {
  readonly problems: readonly Problem[]
  /** To be stated in this node's log, in order; instants are those of the moment it is carried out. */
  readonly statements: readonly StatementBody[]
  /** Who keeps what the organ has here; what an heir at another node gets by the road stays with the organ until then. Null: nothing moves. */
  readonly handOver: (Heirs & { readonly sent: string }) | null
  readonly postMoves: readonly { readonly person: string; readonly post: string; readonly heir: string | null }[]
  /** Heirs to whom a holder of the organ's keys has to give them: they will receive what was sealed to it. */
  readonly keyHeirs: readonly string[]
  /** Heirs that another node hosts: what lies unsigned in the inbox goes there by the road. */
  readonly elsewhere: readonly string[]
}

/** What would be done, and everything that stands in its way. The same order and facts give the same plan. */
export function planOf(given: Order, facts: Facts): Plan {
  const { view, self, now } = facts
  if (given.kind === 'establish') return establish(given, facts)
  if (given.kind === 'receive') return receive(given, facts)
  const entry = view.organ(given.organ, now)
  if (entry === null) return impossible(view.organ(given.organ) === null ? 'unknownOrgan' : 'organEnded', given.organ)
  if (entry.node !== self) return impossible('notHosted', given.organ)
  if (given.kind === 'rename') return rename(given, entry, facts)
  if (given.kind === 'plate') return plate(given, facts)
  if (given.kind === 'move') return move(given, entry, facts)
  return end(given, entry, facts)
}

const nothing = { statements: [], handOver: null, postMoves: [], keyHeirs: [], elsewhere: [] } as const
const impossible = (code: ProblemCode, about: string): Plan => ({ ...nothing, problems: [{ code, about }] })

function establish(given: Extract<Order, { kind: 'establish' }>, facts: Facts): Plan {
  const { view, self, now } = facts
  const { organ, title: called, system, region, regionTitle } = given
  const problems: Problem[] = []
  if (view.organ(organ) !== null) problems.push({ code: 'alreadyExists', about: organ })
  else if (!mayBegin(view, self, organ)) problems.push({ code: 'foreignId', about: organ })
  const body: OrganBody = { kind: 'organ', organ, title: called, system, region, regionTitle, from: now, until: null, successors: [] }
  problems.push(...titleProblems(view, called, region, organ, now), ...given.names.flatMap((name) => nameProblems(name, organ, null, facts)))
  return { ...nothing, problems, statements: [body, ...given.names.map(({ name, title: printed, code }): StatementBody => ({ kind: 'issuingName', name, title: printed, code, organ, from: now, until: null }))] }
}

/** Whether this node may be the first to state an id: it is in nobody else's namespace. The directory decides; this says it before. */
function mayBegin(view: DirectoryView, self: string, id: string): boolean {
  const owner = view.nodes().map(({ node }) => node).filter((node) => id === node || id.startsWith(`${node}.`)).sort((a, b) => b.length - a.length)[0]
  return owner === undefined || view.ancestors(self).includes(owner)
}

function rename(given: Extract<Order, { kind: 'rename' }>, entry: OrganEntry, facts: Facts): Plan {
  const { view, now } = facts
  const { organ, title: called } = given
  const held = new Map(view.namesOf(organ, now).map((name) => [name.name, name]))
  const problems: Problem[] = titleProblems(view, called, entry.region, organ, now)
  if (called === entry.title && given.names.length === 0) problems.push({ code: 'nothingChanges', about: organ })
  for (const name of given.names) {
    if (!held.has(name.replaces)) problems.push({ code: 'nameNotHeld', about: name.replaces })
    problems.push(...nameProblems(name, organ, name.replaces, facts))
  }
  const statements: StatementBody[] = [
    ...(called === entry.title ? [] : [{ ...bodyOf(entry), title: called, from: now, until: null }]),
    ...given.names.flatMap(({ name, title: printed, code, replaces }): StatementBody[] => [
      ...(held.has(replaces) ? [endedName(held.get(replaces) as IssuingNameEntry, now)] : []),
      { kind: 'issuingName', name, title: printed, code, organ, from: now, until: null },
    ]),
  ]
  return { ...nothing, problems, statements }
}

function plate(given: Extract<Order, { kind: 'plate' }>, facts: Facts): Plan {
  const { now } = facts
  const problems = given.names.flatMap((name) => [...nameProblems(name, given.organ, null, facts), ...(name.until !== null && name.until <= now ? [{ code: 'untilPast' as const, about: name.name }] : [])])
  return { ...nothing, problems, statements: given.names.map(({ name, title: printed, code, until }): StatementBody => ({ kind: 'issuingName', name, title: printed, code, organ: given.organ, from: now, until })) }
}

/** What lies unsigned in the inbox goes along by the road; the rest stays readable here, with the organ's own people. */
function move({ organ, to }: Extract<Order, { kind: 'move' }>, entry: OrganEntry, { view, self, now }: Facts): Plan {
  const problems: Problem[] = to === self || view.node(to) === null ? [{ code: 'nodeUnknown', about: to }] : []
  return { ...nothing, problems, statements: [...endings(organ, view, self, now), { ...bodyOf(entry), until: now, successors: [], movedTo: to }], elsewhere: [organ] }
}

function receive({ organ }: Extract<Order, { kind: 'receive' }>, { view, self, now }: Facts): Plan {
  const last = view.organ(organ)
  if (last === null || last.movedTo !== self || last.until === null || last.until > now) return impossible('notGiven', organ)
  const names = view.names().filter((name) => name.organ === organ && name.node === last.node && name.until === last.until)
  const body: OrganBody = { ...bodyOf(last), from: now, until: null, successors: [] }
  return { ...nothing, problems: [], statements: [body, ...names.map(({ node: _node, ...name }): StatementBody => ({ ...name, from: now, until: null }))] }
}

/** Keys for signing, names and 代收 that end with an organ, or with its stay here. */
const endings = (organ: string, view: DirectoryView, self: string, now: string): StatementBody[] => [
  ...[...view.state.keys.values()].filter((key) => key.owner === organ && key.node === self && key.purpose === 'sign' && (key.until === null || key.until > now)).map(({ node: _node, ...key }): StatementBody => ({ ...key, until: now })),
  ...view.namesOf(organ, now).map((name) => endedName(name, now)),
  ...view.state.deputies.filter((each) => each.organ === organ && each.node === self && each.from <= now && (each.until === null || each.until > now)).map(({ node: _node, ...deputy }): StatementBody => ({ ...deputy, until: now })),
]

/** 合并, 分设, 撤销: the organ ends. Its keys for signing end with it, those for decrypting stay: what is sealed to them reaches the heir. */
function end(given: Extract<Order, { kind: 'merge' | 'split' | 'abolish' }>, entry: OrganEntry, facts: Facts): Plan {
  const { view, self, now } = facts
  const { organ } = given
  const of = given.heirs
  const all = of === null ? [] : [...new Set([of.inbox, of.cases, of.archive])]
  const problems = heirProblems(given, all, facts)
  if (of === null && facts.holds > 0) problems.push({ code: 'stillHolds', about: organ })
  const keep = 'keepNames' in given ? given.keepNames : []
  const held = view.namesOf(organ, now)
  problems.push(...keep.filter((name) => !held.some((each) => each.name === name)).map((about): Problem => ({ code: 'nameNotHeld', about })))
  const isHere = of !== null && view.organ(of.inbox, now)?.node === self
  if (keep.length > 0 && !isHere) problems.push({ code: 'heirElsewhere', about: of?.inbox ?? '' })
  const moves = given.posts.map(({ person, post, heir }) => ({ person, post, heir }))
  problems.push(...moves.filter(({ person, post }) => !facts.posts.some((each) => each.person === person && each.id === post)).map(({ person, post }): Problem => ({ code: 'postUnknown', about: `${person} ${post}` })))
  problems.push(...moves.filter(({ heir }) => heir !== null && (!all.includes(heir) || view.organ(heir, now)?.node !== self)).map(({ heir }): Problem => ({ code: 'postHeir', about: heir ?? '' })))
  const statements: StatementBody[] = [
    ...endings(organ, view, self, now),
    { ...bodyOf(entry), until: now, successors: all },
    ...(isHere && of !== null ? held.filter(({ name }) => keep.includes(name)).map(({ node: _node, ...name }): StatementBody => ({ ...name, organ: of.inbox, from: now, until: name.until })) : []),
  ]
  const rest = facts.posts.filter(({ person, id }) => !moves.some((named) => named.person === person && named.post === id))
  // Where the heir is at another node the old office's people wind up what stays here; their posts are ended one by one.
  const postMoves = [...moves, ...(isHere || of === null ? rest.map(({ person, id }) => ({ person, post: id, heir: of?.inbox ?? null })) : [])]
  const keeper = (heir: string): string => (view.organ(heir, now)?.node === self ? heir : organ)
  const handOver = of === null ? null : { inbox: keeper(of.inbox), cases: keeper(of.cases), archive: keeper(of.archive), sent: keeper(of.archive) }
  return { problems, statements, handOver, postMoves, keyHeirs: all, elsewhere: all.filter((heir) => view.organ(heir, now)?.node !== self) }
}

function heirProblems(given: Extract<Order, { kind: 'merge' | 'split' | 'abolish' }>, all: readonly string[], { view, self, now, bequests }: Facts): Problem[] {
  const { organ, kind } = given
  const problems: Problem[] = []
  if (kind === 'merge' && all.length !== 1) problems.push({ code: 'oneHeir', about: organ })
  if (kind === 'split' && all.length < 2) problems.push({ code: 'twoHeirs', about: organ })
  for (const heir of all) {
    const stands = view.organ(heir, now)
    if (heir === organ) problems.push({ code: 'heirIsSelf', about: heir })
    else if (view.organ(heir) === null) problems.push({ code: 'heirUnknown', about: heir })
    else if (stands === null) problems.push({ code: view.heirsOf(heir, now).includes(organ) ? 'heirLoop' : 'heirEnded', about: heir })
    else if (view.keysOf(heir, 'encrypt', 'SM', now).length === 0 || view.keysOf(heir, 'sign', 'SM', now).length === 0) problems.push({ code: 'heirNoKeys', about: heir })
    else if (!bequests.some(({ from, to }) => from === organ && to === heir)) problems.push({ code: 'keysNotHandedOver', about: heir })
    // only what is unsigned travels: who takes open cases or the archive alone must be here
    if (stands !== null && stands.node !== self && given.heirs?.inbox !== heir) problems.push({ code: 'heirElsewhere', about: heir })
  }
  return problems
}

function titleProblems(view: DirectoryView, called: string, region: string, organ: string, now: string): Problem[] {
  const same = view.organs().find((other) => other.organ !== organ && other.title === called && other.region === region && view.organ(other.organ, now) !== null)
  return same === undefined ? [] : [{ code: 'titleTaken', about: same.organ }]
}

/** A name is one organ's at a time; a 机关代字 is one name's within its region. `replaces` may keep its own. */
function nameProblems({ name, code, title: printed }: z.infer<typeof newName>, organ: string, replaces: string | null, { view, self, now }: Facts): Problem[] {
  const region = view.organ(organ, now)?.region
  const problems: Problem[] = []
  const before = view.name(name)
  if (before !== null && (before.until === null || before.until > now || before.node !== self)) problems.push({ code: 'nameTaken', about: name })
  else if (before === null && !name.startsWith(`${organ}.`) && !mayBegin(view, self, name)) problems.push({ code: 'foreignId', about: name })
  const others = view.names().filter((each) => each.name !== replaces && (each.until === null || each.until > now))
  if (others.some((each) => each.title === printed && each.organ !== organ)) problems.push({ code: 'titleTaken', about: printed })
  if (code !== '' && others.some((each) => each.code === code && view.organ(each.organ)?.region === region)) problems.push({ code: 'codeTaken', about: code })
  return problems
}

const bodyOf = ({ node: _node, movedTo: _to, ...body }: OrganEntry): OrganBody => body
const endedName = ({ node: _node, ...name }: IssuingNameEntry, now: string): StatementBody => ({ ...name, until: now })

/** What of a plan a second person approves: all of it but the instants, which are those of the moment it is carried out. */
export const essenceOf = ({ statements, handOver, postMoves }: Plan, now: string): unknown => JSON.parse(JSON.stringify({ statements, handOver, postMoves }).replaceAll(now, '@'))

/** What became of an act, one row each; the state is the last of them. */
export const STEPS = ['prepared', 'approved', 'done', 'stopped', 'withdrawn'] as const
export type Step = (typeof STEPS)[number]
const FOLLOWS: Readonly<Record<Step, readonly Step[]>> = { prepared: ['approved', 'withdrawn'], approved: ['done', 'stopped', 'withdrawn'], done: [], stopped: [], withdrawn: [] }
export const mayFollow = (state: Step, next: Step): boolean => FOLLOWS[state].includes(next)
