import type { SurroundingsAnswer } from '@postroad/reorganisation/wire'
import { BASIS, type Order } from '@postroad/reorganisation/model'
import { reorganisationWords as words } from './words.ts'

export const DRAFT_KINDS = ['merge', 'split', 'rename', 'plate', 'abolish'] as const
export type DraftKind = (typeof DRAFT_KINDS)[number]
type Heirs = { readonly inbox: string; readonly cases: string; readonly archive: string }
export type HereOrgan = SurroundingsAnswer['here'][number]

/** What is typed on the page. Empty texts are not said. */
export type PlanDraft = {
  readonly kind: DraftKind
  readonly organ: string
  readonly basis: string
  /** YYYY-MM-DD at this desk. */
  readonly day: string
  readonly title: string
  /** New printed titles and codes by the name that they replace. */
  readonly names: Readonly<Record<string, { readonly title: string; readonly code: string }>>
  readonly plate: { readonly title: string; readonly code: string; readonly until: string }
  readonly hasHeirs: boolean
  readonly heirs: Heirs
  readonly keepNames: readonly string[]
  /** Where a post goes, by `person post`; what is not named goes where the inbox goes, '-' ends it. */
  readonly posts: Readonly<Record<string, string>>
}

export const emptyDraft = (today: string): PlanDraft => ({
  kind: 'merge', organ: '', basis: '', day: today, title: '', names: {}, plate: { title: '', code: '', until: '' }, hasHeirs: true,
  heirs: { inbox: '', cases: '', archive: '' }, keepNames: [], posts: {},
})

const POST_ENDS = '-'
export type DraftFaults = Readonly<Partial<Record<'organ' | 'basis' | 'day' | 'title' | 'plate' | 'inbox' | 'cases' | 'archive', string>>>

/** What is missing, by field; nothing where the draft says enough to be planned. */
export function faultsOf(draft: PlanDraft): DraftFaults {
  const heirs = heirsOf(draft)
  const missing = (field: keyof DraftFaults, isMissing: boolean): DraftFaults => (isMissing ? { [field]: words.needed } : {})
  return {
    ...missing('organ', draft.organ === ''),
    ...(BASIS.test(draft.basis.trim()) ? {} : { basis: draft.basis.trim() === '' ? words.needed : words.badBasis }),
    ...missing('day', draft.day === ''),
    ...missing('title', draft.kind === 'rename' && draft.title.trim() === '' && renamed(draft).length === 0),
    ...missing('plate', draft.kind === 'plate' && draft.plate.title.trim() === ''),
    ...missing('inbox', heirs !== null && heirs.inbox === ''),
    ...missing('cases', heirs !== null && heirs.cases === ''),
    ...missing('archive', heirs !== null && heirs.archive === ''),
  }
}

const renamed = ({ names }: PlanDraft) => Object.entries(names).filter(([, { title }]) => title.trim() !== '')

function heirsOf({ kind, heirs, hasHeirs }: PlanDraft): Heirs | null {
  if (kind === 'rename' || kind === 'plate' || (kind === 'abolish' && !hasHeirs)) return null
  return kind === 'split' ? heirs : { inbox: heirs.inbox, cases: heirs.inbox, archive: heirs.inbox }
}

/** The order as the node takes it. `stamp` tells new names from all others. */
export function orderOf(draft: PlanDraft, organ: HereOrgan, stamp: string): Order {
  const base = { basis: draft.basis.trim(), on: midnight(draft.day), organ: organ.organ }
  const newId = (index: number): string => `${organ.organ}.n${stamp}${index === 0 ? '' : `-${index}`}`
  const heirs = heirsOf(draft)
  switch (draft.kind) {
    case 'rename':
      return { kind: 'rename', ...base, title: draft.title.trim() || organ.title, names: renamed(draft).map(([replaces, { title, code }], index) => ({ name: newId(index), title: title.trim(), code: code.trim(), replaces })) }
    case 'plate':
      return { kind: 'plate', ...base, names: [{ name: newId(0), title: draft.plate.title.trim(), code: draft.plate.code.trim(), until: draft.plate.until === '' ? null : midnight(draft.plate.until, 1) }] }
    case 'abolish':
      return { kind: 'abolish', ...base, heirs, posts: postsOf(draft, organ) }
    default:
      return { kind: draft.kind, ...base, heirs: heirs ?? draft.heirs, posts: postsOf(draft, organ), keepNames: [...draft.keepNames] }
  }
}

const postsOf = ({ posts }: PlanDraft, organ: HereOrgan) => organ.posts.flatMap(({ person, post }) => {
  const heir = posts[`${person} ${post}`]
  return heir === undefined || heir === '' ? [] : [{ person, post, heir: heir === POST_ENDS ? null : heir }]
})

/** The first moment of a day, or of one so many days after it, as this desk's clock has it. */
function midnight(day: string, after = 0): string {
  const first = new Date(`${day}T00:00:00`)
  first.setDate(first.getDate() + after)
  return first.toISOString()
}

/** The day on which an act is carried out, as people write it. */
export const dayOf = (instant: string): string => new Date(instant).toLocaleDateString('zh-CN', { year: 'numeric', month: 'long', day: 'numeric' })
