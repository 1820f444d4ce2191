import { type FaultCode, type Receipt, type SignedReceipt, type SlicedRecipient, type Urgency, turnOf } from '@postroad/waybill'

/** Why something ended, as receipts carry it. */
export type Reason = NonNullable<Receipt['reason']>

/** A sealed body up to here lives in the database and travels inside its shipment; a larger one as chunks in the blob store. */
export const INLINE_BYTES = 64 * 1024
/** Who holds a shipment's lease answers within this time or loses it; renewed every `HEARTBEAT_MS`. */
export const LEASE_MS = 30_000
export const HEARTBEAT_MS = 10_000
/** What clocks may differ by. */
export const CLOCK_SLACK_MS = 5 * 60_000
/** One signature covers all receipts that fall due within this time. */
export const RECEIPT_WINDOW_MS = 20
/** How long a centre keeps what it handed on: as far back as the next centre's backups may reach. */
export const CUSTODY_KEPT_DAYS = 14

/** What a link's two lanes carry: a film never waits before, nor holds up, a letter. */
export type Lane = 'small' | 'large'
export const laneOf = (bodyBytes: number): Lane => (bodyBytes <= INLINE_BYTES ? 'small' : 'large')

/** When its turn would come on an idle link, milliseconds since 1970; the earliest goes first (waybill `turnOf`). */
export const rankOf = (entry: { readonly urgency: Urgency; readonly bodyBytes: number; readonly at: Date }): number =>
  Math.floor(turnOf({ urgency: entry.urgency, bytes: entry.bodyBytes, queued: entry.at.getTime() }))

/** By their number in the tables. */
export const URGENCIES: readonly Urgency[] = ['normal', 'urgent', 'extraUrgent']
export const urgencyNumber = (urgency: Urgency): number => URGENCIES.indexOf(urgency)

const FIRST_PAUSE_MS = 500
export const LONGEST_PAUSE_MS = 60_000
/** No pause and no lease reaches as far as this: a time that lies beyond was set while the clock was wrong, and has come. */
export const farthest = (now: Date): Date => new Date(now.getTime() + 2 * Math.max(LONGEST_PAUSE_MS, LEASE_MS))
/** Pause before the next try after so many failures in a row: doubling, capped, with jitter so that many links do not try together. `random` in [0, 1). */
export function backOff(failures: number, random: number): number {
  const full = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 20))
  return Math.round(full * (0.5 + random / 2))
}

/** Refusals of one shipment do not stop a link; only a peer that does not answer does, or one that fails several times in a row. */
export const FAILURES_BEFORE_PAUSE = 3

/** What looks wrong to a directory that is behind, and may be right: organs move, merge and get new keys while documents are under way. */
const NEWS: readonly FaultCode[] = ['unknownKey', 'unknownOrgan', 'unknownNode', 'wrongSigner', 'wrongNode', 'notDeputy', 'notYetValidKey', 'nameNotHeld']
export const isNews = (code: FaultCode): boolean => NEWS.includes(code)

/** Whether an offer was put off until the directory is the same at both ends. */
export const waitsForNews = (code: string): boolean => code === 'road.directoryBehind' || code === 'road.wrongRecipient' || NEWS.some((news) => code === `road.${news}`)

/** Where a recipient's copy goes from here. */
export type Way =
  | { readonly kind: 'here'; readonly keeper: string; readonly forwarded: boolean }
  | { readonly kind: 'link'; readonly peer: string; readonly keeper: string; readonly forwarded: boolean }
  | { readonly kind: 'nowhere'; readonly reason: Reason }

/** What of the directory decides a way: who stands for an organ at an instant, and the neighbour towards it (`self` when it is hosted here). */
export type Ways = { standsFor(organ: string, at: string): string | null; nextHop(from: string, organ: string, at?: string): string | null; organ(id: string): { readonly node: string } | null; leaving(node: string): { readonly phase: 'closing' | 'gone' } | null }

/** The way to a recipient from `self` at an instant. An organ that merged or moved is followed (forwarded), one that ended without heirs has no way. */
export function wayTo(ways: Ways, self: string, organ: string, at: string): Way {
  const keeper = ways.standsFor(organ, at)
  if (keeper === null) return { kind: 'nowhere', reason: { code: endOf(ways, organ), text: '' } }
  const next = ways.nextHop(self, keeper, at)
  if (next === null) return { kind: 'nowhere', reason: { code: 'noWay', text: '' } }
  const forwarded = keeper !== organ
  return next === self ? { kind: 'here', keeper, forwarded } : { kind: 'link', peer: next, keeper, forwarded }
}

const endOf = (ways: Ways, organ: string): string => {
  const last = ways.organ(organ)
  return last === null ? 'unknownOrgan' : ways.leaving(last.node)?.phase === 'gone' ? 'nodeLeft' : 'organEnded'
}

/** Whether a way ended for good, and not only because the directory has lost the organ for a while. */
export const hasEnded = (way: Way): boolean => way.kind === 'nowhere' && (way.reason.code === 'organEnded' || way.reason.code === 'nodeLeft')

export type Adoption = { readonly organ: string; readonly keeper: string; readonly heir: string }

/**
 * What lies unsigned with a keeper that ended goes to who stands for that keeper, if it is here. Only what the view says has ended is taken from: a view that
 * has not heard of a merger yet takes nothing back from the heir.
 */
export const adoptions = (waiting: readonly { readonly organ: string; readonly keeper: string }[], wayOf: (organ: string) => Way): readonly Adoption[] =>
  waiting.flatMap(({ organ, keeper }) => {
    const way = wayOf(keeper)
    return way.kind === 'here' && way.forwarded ? [{ organ, keeper, heir: way.keeper }] : []
  })

export type Split = {
  readonly here: readonly { readonly entry: SlicedRecipient; readonly keeper: string; readonly forwarded: boolean }[]
  /** One payload per link, whatever the number of recipients behind it. */
  readonly links: ReadonlyMap<string, readonly SlicedRecipient[]>
  readonly forwarded: readonly { readonly entry: SlicedRecipient; readonly to: string }[]
  readonly nowhere: readonly { readonly entry: SlicedRecipient; readonly reason: Reason }[]
}

/** Whether a receipt that travels with a shipment names this heir already: then nobody forwards to it once more. */
export const isSaid = (forwarded: readonly SignedReceipt[], organ: string, keeper: string): boolean => forwarded.some(({ receipt }) => receipt.recipient === organ && receipt.reason?.text === keeper)

/**
 * Splits recipients by next hop. What would go back to where it came from, without having been forwarded by this node, has no way: a loop is never entered.
 * `said` are the receipts of forwarding that came with it: who only knows an heir that has handed it on since would send it in circles.
 */
export function splitByWay(slice: readonly SlicedRecipient[], way: (organ: string) => Way, cameFrom: string | null, said: readonly SignedReceipt[] = []): Split {
  const here: { entry: SlicedRecipient; keeper: string; forwarded: boolean }[] = []
  const links = new Map<string, SlicedRecipient[]>()
  const nowhere: { entry: SlicedRecipient; reason: Reason }[] = []
  const forwarded: { entry: SlicedRecipient; to: string }[] = []
  for (const entry of slice) {
    const chosen = way(entry.leaf.organ)
    if (chosen.kind === 'nowhere') nowhere.push({ entry, reason: chosen.reason })
    else if (chosen.kind === 'link' && chosen.peer === cameFrom && (!chosen.forwarded || isSaid(said, entry.leaf.organ, chosen.keeper))) nowhere.push({ entry, reason: { code: 'wrongRecipient', text: '' } })
    else {
      if (chosen.forwarded) forwarded.push({ entry, to: chosen.keeper })
      if (chosen.kind === 'here') here.push({ entry, keeper: chosen.keeper, forwarded: chosen.forwarded })
      else {
        const beside = links.get(chosen.peer)
        if (beside === undefined) links.set(chosen.peer, [entry])
        else beside.push(entry)
      }
    }
  }
  return { here, links, forwarded, nowhere }
}

/** What a peer has taken over from us, ever: shipments and receipts. */
export type { Marks } from '@postroad/waybill'
