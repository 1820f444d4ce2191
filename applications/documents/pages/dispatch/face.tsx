import { Field } from '@postroad/desk/kit'
import { Input, Radio } from 'antd'
import type { Urgency } from '@postroad/waybill'
import { LABELS, URGENCY } from '../../words.ts'
import { useOrgans } from '../directory/organs.ts'
import { dispatchWords } from '../words.ts'
import { type DispatchDraft, printed } from './draft.ts'

/** More names than a page's 主送机关 holds: then a 统称 is typed (各市委、各县委). */
const MOST_PRINTED = 60

type Props = { readonly draft: DispatchDraft; readonly organ: string; change(part: Partial<DispatchDraft>): void }

/** What stands on the face of the document. The printed recipients are words; who really gets it is the distribution list. */
export function Face({ draft, organ, change }: Props) {
  const organs = useOrgans()
  const own = organs.data?.find((entry) => entry.organ === organ)
  const nameOf = ({ organ: id, name }: { organ: string; name: string }) => organs.data?.find((entry) => entry.organ === id)?.names.find((each) => each.id === name)?.title ?? id
  const fill = (role: 'to' | 'cc') => change({ [role === 'to' ? 'printedTo' : 'printedCc']: printed(draft.recipients, role, nameOf) })
  return (
    <section className="section section-first" aria-label={dispatchWords.face}>
      <h2>{dispatchWords.face}</h2>
      <Field title={dispatchWords.subject} required>
        {(id, below) => <Input.TextArea id={id} aria-describedby={below} autoSize={{ minRows: 1, maxRows: 3 }} maxLength={500} placeholder={dispatchWords.subjectHint} value={draft.title} onChange={(event) => change({ title: event.target.value.replace(/\n/g, '') })} />}
      </Field>
      <div className="pair">
        <Field title={dispatchWords.issuingName} required>
          {(id, below) => (
            <select id={id} aria-describedby={below} className="plain-select" value={draft.name} onChange={(event) => change({ name: event.target.value })}>
              {own?.names.map((name) => <option key={name.id} value={name.id}>{name.title}</option>)}
            </select>
          )}
        </Field>
        <Field title={dispatchWords.number}>
          {(id, below) => <Input id={id} aria-describedby={below} maxLength={100} placeholder={dispatchWords.numberHint} value={draft.number} onChange={(event) => change({ number: event.target.value })} />}
        </Field>
      </div>
      <Field title={dispatchWords.printedTo} hint={<>{dispatchWords.printedToHint} {draft.recipients.length > 0 && draft.recipients.length <= MOST_PRINTED && <button type="button" className="text-link" onClick={() => fill('to')}>{dispatchWords.fillPrinted}</button>}</>}>
        {(id, below) => <Input id={id} aria-describedby={below} maxLength={2000} value={draft.printedTo} onChange={(event) => change({ printedTo: event.target.value })} />}
      </Field>
      <Field title={dispatchWords.printedCc} hint={draft.recipients.some(({ role }) => role === 'cc') ? <button type="button" className="text-link" onClick={() => fill('cc')}>{dispatchWords.fillPrinted}</button> : undefined}>
        {(id, below) => <Input id={id} aria-describedby={below} maxLength={4000} value={draft.printedCc} onChange={(event) => change({ printedCc: event.target.value })} />}
      </Field>
      <div className="pair">
        <Field title={dispatchWords.urgency}>
          {(id) => <Radio.Group id={id} value={draft.urgency} onChange={(event) => change({ urgency: event.target.value as Urgency })} options={Object.entries(URGENCY).map(([value, label]) => ({ value, label }))} />}
        </Field>
        <Field title={dispatchWords.label} hint={dispatchWords.labelHint}>
          {(id) => <Radio.Group id={id} value={draft.label} onChange={(event) => change({ label: event.target.value as number })} options={LABELS.map((label, value) => ({ value, label }))} />}
        </Field>
      </div>
    </section>
  )
}
