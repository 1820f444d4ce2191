import { fileSize, LabelMark, UrgencyMark } from '@postroad/desk/kit'
import { useMemo } from 'react'
import { ROLES } from '../../words.ts'
import { useOrgans } from '../directory/organs.ts'
import { UnlockForm } from '../keys/unlock-form.tsx'
import { dispatchWords } from '../words.ts'
import type { DispatchDraft } from './draft.ts'

type Props = { readonly draft: DispatchDraft; readonly lacks: readonly string[]; readonly keysOpen: boolean }

/** So many are named; beyond, their number says more. */
const NAMED = 12

/** Everything that 封发 will fix for good, in one place beside the act: instead of "are you sure". */
export function Summary({ draft, lacks, keysOpen }: Props) {
  const organs = useOrgans()
  const names = useMemo(() => new Map((organs.data ?? []).flatMap((entry) => entry.names.map(({ id, title }) => [id, title] as const))), [organs.data])
  const list = (role: 'to' | 'cc') => {
    const chosen = draft.recipients.filter((each) => each.role === role)
    const first = chosen.slice(0, NAMED).map((each) => names.get(each.name) ?? each.organ).join('、')
    return chosen.length > NAMED ? dispatchWords.andMore(first, chosen.length) : first
  }
  const own = names.get(draft.name) ?? ''
  const bytes = draft.files.reduce((sum, file) => sum + file.size, 0)
  return (
    <section className="section" aria-label={dispatchWords.summary}>
      <h2>{dispatchWords.summary}</h2>
      <dl className="facts">
        <dt>{dispatchWords.subject}</dt><dd><UrgencyMark urgency={draft.urgency} /> <LabelMark label={draft.label} /> {draft.title || '—'}</dd>
        <dt>{dispatchWords.issuingName}</dt><dd>{own || '—'}</dd>
        <dt>{ROLES.to}</dt><dd>{list('to') || '—'}</dd>
        <dt>{ROLES.cc}</dt><dd>{list('cc') || '—'}</dd>
        <dt>{dispatchWords.files}</dt><dd>{draft.files.length === 0 ? '—' : dispatchWords.fileCount(draft.files.length, fileSize(bytes))}</dd>
      </dl>
      {lacks.length > 0 ? <p className="notice">{dispatchWords.missing}{lacks.join('、')}</p> : <p>{dispatchWords.irrevocable}</p>}
      {!keysOpen && <UnlockForm primary={false} />}
    </section>
  )
}
