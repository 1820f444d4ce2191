import { Button } from 'antd'
import type { ReactNode } from 'react'
import { useNavigate } from 'react-router'
import { useKeys } from './keyboard.tsx'
import { kitWords } from './words.ts'

type Props = { readonly head: ReactNode; readonly list: ReactNode; readonly detail: ReactNode | null; readonly nothing: ReactNode; readonly listPath: string }

/** Side by side from 1280 px, one above the other below, one at a time on a phone: the style sheet decides. */
export function ListDetail({ head, list, detail, nothing, listPath }: Props) {
  const navigate = useNavigate()
  const open = detail !== null
  useKeys(open ? { Escape: () => void navigate(listPath) } : {})
  return (
    <div className={`list-detail${open ? ' is-open' : ''}`}>
      <section className="pane-list">
        <header className="pane-head">{head}</header>
        {list}
      </section>
      <section className="pane-detail">
        {open && <div className="pane-back"><Button type="text" onClick={() => void navigate(listPath)}>← {kitWords.back}</Button></div>}
        {detail ?? nothing}
      </section>
    </div>
  )
}
