import type { SurroundingsAnswer } from '@postroad/reorganisation/wire'
import { Field } from '@postroad/desk/kit'
import { Checkbox } from 'antd'
import type { DraftFaults, HereOrgan, PlanDraft } from './draft.ts'
import { reorganisationWords as words } from './words.ts'

type Props = { readonly draft: PlanDraft; readonly organ: HereOrgan | undefined; readonly around: SurroundingsAnswer; readonly faults: DraftFaults; onChange(part: Partial<PlanDraft>): void }

/** Who takes over: one organ, or, when it is split, one for each part; which names go on, and where people go. */
export function HeirFields({ draft, organ, around, faults, onChange }: Props) {
  const { kind, heirs, hasHeirs, keepNames, posts } = draft
  if (kind === 'abolish' && !hasHeirs) return null
  const options = around.here.filter((each) => each.organ !== draft.organ)
  const parts = kind === 'split' ? (['inbox', 'cases', 'archive'] as const) : (['inbox'] as const)
  const local = new Set(parts.map((part) => heirs[part]).filter((heir) => options.some((each) => each.organ === heir)))
  const toggle = (name: string, on: boolean) => onChange({ keepNames: on ? [...keepNames, name] : keepNames.filter((each) => each !== name) })
  return (
    <>
      <div className="plan-fields">
        {parts.map((part) => (
          <Field key={part} title={kind === 'split' ? words.heirs[part] : words.heir} required fault={faults[part] ?? null}>
            {(id) => (
              <select id={id} className="plain-select" value={heirs[part]} onChange={(event) => onChange({ heirs: { ...heirs, [part]: event.target.value } })}>
                <option value="">{words.choose}</option>
                <optgroup label={words.hereGroup}>{options.map((each) => <option key={each.organ} value={each.organ}>{each.title}</option>)}</optgroup>
                {part === 'inbox' && <optgroup label={words.nearGroup}>{around.near.map((each) => <option key={each.organ} value={each.organ}>{`${each.nodeTitle} · ${each.title}`}</option>)}</optgroup>}
              </select>
            )}
          </Field>
        ))}
      </div>
      {kind !== 'abolish' && organ !== undefined && local.has(heirs.inbox) && organ.names.length > 0 && (
        <fieldset className="plain-fieldset">
          <legend>{words.keep}</legend>
          <div className="choices">{organ.names.map(({ name, title }) => <Checkbox key={name} checked={keepNames.includes(name)} onChange={(event) => toggle(name, event.target.checked)}>{title}</Checkbox>)}</div>
        </fieldset>
      )}
      {kind === 'split' && organ !== undefined && local.size > 0 && organ.posts.length > 0 && (
        <fieldset className="plain-fieldset">
          <legend>{words.posts}</legend>
          <div className="plan-fields">
            {organ.posts.map(({ person, name, post, title }) => (
              <Field key={`${person} ${post}`} title={`${name}（${title}）`}>
                {(id) => (
                  <select id={id} className="plain-select" value={posts[`${person} ${post}`] ?? ''} onChange={(event) => onChange({ posts: { ...posts, [`${person} ${post}`]: event.target.value } })}>
                    <option value="">{options.find((each) => each.organ === heirs.inbox)?.title ?? words.choose}</option>
                    {options.filter((each) => local.has(each.organ) && each.organ !== heirs.inbox).map((each) => <option key={each.organ} value={each.organ}>{each.title}</option>)}
                    <option value="-">{words.postEnds}</option>
                  </select>
                )}
              </Field>
            ))}
          </div>
        </fieldset>
      )}
    </>
  )
}
