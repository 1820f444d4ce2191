import type { DirectoryView } from '@postroad/waybill'
import type { Order, Plan } from './model.ts'
import { tellingWords as words } from './words.ts'

/** A plan in sentences for people: what is stated, what becomes of documents, of people, and of keys. */
export type Told = { readonly directory: readonly string[]; readonly documents: readonly string[]; readonly people: readonly string[]; readonly keys: readonly string[] }

/** How things are called; `post` as its holder's name with the post's title. */
export type Called = { organ(id: string): string; node(id: string): string; post(person: string, post: string): string }
type Holdings = Readonly<Record<'inbox' | 'cases' | 'archive' | 'sent', number>>

/** The last day on which something that ends at an instant is in use, as the country's clocks have it. */
const lastDay = (until: string): string => new Date(Date.parse(until) - 1).toLocaleDateString('sv-SE', { timeZone: 'Asia/Shanghai' })

/** The same order and plan give the same sentences, in the order in which they will be carried out. */
export function tell(order: Order, { statements, handOver, postMoves, keyHeirs, elsewhere }: Plan, holdings: Holdings, view: DirectoryView, called: Called): Told {
  const heirs = keyHeirs.map((heir) => called.organ(heir))
  const ended = statements.filter((body) => body.kind === 'key' && body.purpose === 'sign').length
  return {
    directory: statements.flatMap((body): string[] => {
      if (body.kind === 'organ') {
        if (body.movedTo !== undefined) return [words.moves(called.organ(body.organ), called.node(body.movedTo))]
        if (body.until !== null) return [body.successors.length === 0 ? words.endsAlone(called.organ(body.organ)) : words.ends(called.organ(body.organ), body.successors.map((heir) => called.organ(heir)))]
        const before = view.organ(body.organ)
        return [before === null ? words.begins(body.title) : before.title === body.title ? words.comes(body.title) : words.renamed(before.title, body.title)]
      }
      if (body.kind !== 'issuingName') return []
      if (body.until !== null && body.from < body.until && view.name(body.name) !== null) return [words.nameEnds(body.title)]
      return [body.until === null ? words.nameBegins(body.title, called.organ(body.organ)) : words.nameForATime(body.title, called.organ(body.organ), lastDay(body.until))]
    }),
    documents: [
      ...(handOver !== null && Object.values(holdings).every((count) => count === 0) ? [words.none] : []),
      ...(handOver === null ? [] : (['inbox', 'cases', 'archive', 'sent'] as const).filter((part) => holdings[part] > 0).map((part) => {
        const stays = handOver[part] === order.organ
        if (part === 'inbox' && stays && elsewhere.length > 0) return words.byRoad(holdings.inbox, elsewhere.map((heir) => called.organ(heir)))
        return stays ? words.stays(words.parts[part], holdings[part]) : words.goes(words.parts[part], holdings[part], called.organ(handOver[part]))
      })),
      ...(order.kind === 'move' ? [words.byRoad(holdings.inbox, [called.node(order.to)])] : []),
      ...(handOver !== null && heirs[0] !== undefined ? [words.later(heirs[0])] : []),
      words.evidence,
    ],
    people: postMoves.map(({ person, post, heir }) => (heir === null ? words.postEnds(called.post(person, post)) : words.postMoves(called.post(person, post), called.organ(heir)))),
    keys: [...(ended > 0 ? [words.signingEnds] : []), ...heirs.map((heir) => words.mayRead(heir))],
  }
}
