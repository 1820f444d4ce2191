import { type ReactNode, useId } from 'react'
import { kitWords } from './words.ts'

type Props = { readonly title: string; readonly required?: boolean; readonly hint?: ReactNode; readonly fault?: string | null; readonly children: (id: string, describedBy: string) => ReactNode }

/** A label above its control, a hint below, and the fault where the hand is. */
export function Field({ title, required = false, hint, fault, children }: Props) {
  const id = useId()
  const below = `${id}-below`
  return (
    <div className={`field${fault ? ' field-wrong' : ''}`}>
      <label htmlFor={id}>{title}{required && <span className="needed" title={kitWords.required} aria-hidden="true"> *</span>}</label>
      {children(id, below)}
      {(hint !== undefined || fault) && <p id={below} className={fault ? 'field-fault' : 'field-hint'}>{fault ?? hint}</p>}
    </div>
  )
}
