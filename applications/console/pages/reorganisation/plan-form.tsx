import type { PlanAnswer, SurroundingsAnswer } from '@postroad/reorganisation/wire'
import { api, ErrorPanel, Field, useAct } from '@postroad/desk/kit'
import { Button, Checkbox, Input, Radio } from 'antd'
import { useState } from 'react'
import { DRAFT_KINDS, emptyDraft, faultsOf, type HereOrgan, orderOf, type PlanDraft } from './draft.ts'
import { HeirFields } from './heir-fields.tsx'
import { Told } from './told.tsx'
import { reorganisationWords as words } from './words.ts'

type Props = { readonly around: SurroundingsAnswer; onPrepared(): void; onCancel(): void }
type Planned = { readonly order: ReturnType<typeof orderOf>; readonly plan: PlanAnswer }

/** The day as this desk's clock has it. */
const today = (): string => new Date(Date.now() - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 10)

/** 拟办: what is ordered; then, before anything is kept, what will happen, in words. */
export function PlanForm({ around, onPrepared, onCancel }: Props) {
  const [draft, setDraft] = useState<PlanDraft>(() => emptyDraft(today()))
  const [stamp] = useState(() => Date.now().toString(36))
  const [tried, setTried] = useState(false)
  const [planned, setPlanned] = useState<Planned | null>(null)
  const organ = around.here.find((each) => each.organ === draft.organ)
  const preview = useAct(async (given: HereOrgan) => {
    const order = orderOf(draft, given, stamp)
    setPlanned({ order, plan: await api<PlanAnswer>('/reorganisation/plan', { method: 'POST', body: { order } }) })
  })
  const submit = useAct(async () => {
    await api('/reorganisation/acts', { method: 'POST', body: { order: planned?.order } })
    onPrepared()
  })
  if (planned !== null) {
    return (
      <section className="section" aria-label={words.told}>
        <h2>{words.told}　<span className="quiet">{planned.plan.title}　{organ?.title}　{planned.order.basis}</span></h2>
        <Told plan={planned.plan} />
        <ErrorPanel thrown={submit.thrown} onClose={submit.forget} />
        <div className="reason-acts">
          <Button type="text" onClick={() => setPlanned(null)}>{words.back}</Button>
          <Button type="primary" disabled={planned.plan.problems.length > 0} loading={submit.busy} onClick={() => submit.start()}>{words.submit}</Button>
        </div>
      </section>
    )
  }
  const faults = tried ? faultsOf(draft) : {}
  const change = (part: Partial<PlanDraft>) => setDraft({ ...draft, ...part })
  const look = () => {
    setTried(true)
    if (organ !== undefined && Object.keys(faultsOf(draft)).length === 0) preview.start(organ)
  }
  const ends = draft.kind === 'merge' || draft.kind === 'split' || draft.kind === 'abolish'
  return (
    <section className="section" aria-label={words.draft}>
      <h2>{words.draft}</h2>
      <div>
        <Radio.Group aria-label={words.kind} value={draft.kind} onChange={(event) => change({ kind: event.target.value as PlanDraft['kind'] })}>{DRAFT_KINDS.map((kind) => <Radio.Button key={kind} value={kind}>{words.kinds[kind]}</Radio.Button>)}</Radio.Group>
        <p className="quiet">{words.kindHelp[draft.kind]}</p>
      </div>
      <div className="plan-fields">
        <Field title={words.organ} required fault={faults.organ ?? null}>
          {(id) => (
            <select id={id} className="plain-select" value={draft.organ} onChange={(event) => change({ organ: event.target.value, names: {}, keepNames: [], posts: {} })}>
              <option value="">{words.choose}</option>
              {around.here.map((each) => <option key={each.organ} value={each.organ}>{each.title}</option>)}
            </select>
          )}
        </Field>
        <Field title={words.basis} required hint={words.basisHint} fault={faults.basis ?? null}>{(id, below) => <Input id={id} aria-describedby={below} maxLength={60} value={draft.basis} onChange={(event) => change({ basis: event.target.value })} />}</Field>
        <Field title={words.day} required hint={words.dayHint} fault={faults.day ?? null}>{(id, below) => <input id={id} type="date" className="plain-select" aria-describedby={below} value={draft.day} onChange={(event) => change({ day: event.target.value })} />}</Field>
      </div>
      {draft.kind === 'rename' && <RenameFields draft={draft} organ={organ} fault={faults.title ?? null} onChange={change} />}
      {draft.kind === 'plate' && (
        <div className="plan-fields">
          <Field title={words.plateTitle} required fault={faults.plate ?? null}>{(id) => <Input id={id} maxLength={200} value={draft.plate.title} onChange={(event) => change({ plate: { ...draft.plate, title: event.target.value } })} />}</Field>
          <Field title={words.code}>{(id) => <Input id={id} maxLength={40} value={draft.plate.code} onChange={(event) => change({ plate: { ...draft.plate, code: event.target.value } })} />}</Field>
          <Field title={words.until} hint={words.untilHint}>{(id, below) => <input id={id} type="date" className="plain-select" aria-describedby={below} value={draft.plate.until} onChange={(event) => change({ plate: { ...draft.plate, until: event.target.value } })} />}</Field>
        </div>
      )}
      {draft.kind === 'abolish' && <Checkbox checked={draft.hasHeirs} onChange={(event) => change({ hasHeirs: event.target.checked })}>{words.withHeir}</Checkbox>}
      {ends && <HeirFields draft={draft} organ={organ} around={around} faults={faults} onChange={change} />}
      <ErrorPanel thrown={preview.thrown} onClose={preview.forget} />
      <div className="reason-acts"><Button type="text" onClick={onCancel}>{words.cancel}</Button><Button type="primary" loading={preview.busy} onClick={look}>{words.preview}</Button></div>
    </section>
  )
}

type PartProps = { readonly draft: PlanDraft; readonly organ: HereOrgan | undefined; onChange(part: Partial<PlanDraft>): void }

function RenameFields({ draft, organ, fault, onChange }: PartProps & { readonly fault: string | null }) {
  const setName = (name: string, part: Partial<{ title: string; code: string }>) =>
    onChange({ names: { ...draft.names, [name]: { title: '', code: organ?.names.find((each) => each.name === name)?.code ?? '', ...draft.names[name], ...part } } })
  return (
    <>
      <div className="plan-fields"><Field title={words.newTitle} hint={words.nameHint} fault={fault}>{(id, below) => <Input id={id} aria-describedby={below} maxLength={200} placeholder={organ?.title ?? ''} value={draft.title} onChange={(event) => onChange({ title: event.target.value })} />}</Field></div>
      {organ?.names.map(({ name, title, code }) => (
        <div key={name} className="plan-fields">
          <Field title={words.nameOf(title)} hint={words.nameHint}>{(id, below) => <Input id={id} aria-describedby={below} maxLength={200} value={draft.names[name]?.title ?? ''} onChange={(event) => setName(name, { title: event.target.value })} />}</Field>
          <Field title={words.code}>{(id) => <Input id={id} maxLength={40} value={draft.names[name]?.code ?? code} onChange={(event) => setName(name, { code: event.target.value })} />}</Field>
        </div>
      ))}
    </>
  )
}
