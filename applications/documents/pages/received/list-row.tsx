import { LabelMark, nearDate, UrgencyMark } from '@postroad/desk/kit'
import type { Head, Manifest } from '@postroad/waybill'
import type { ReactNode } from 'react'
import { KINDS } from '../../words.ts'
import { pageWords } from '../words.ts'

type Props = { readonly head: Head; readonly content: Manifest['content'] | null; readonly sealed: string; readonly deputised?: boolean; readonly who: string; readonly at: string; readonly state: ReactNode }

/** What stands instead of a title that can't be read. */
export function sealedTitle(sealed: string, deputised: boolean): string {
  if (deputised || sealed === 'notOurs') return pageWords.deputised
  return sealed === 'damaged' ? pageWords.damaged : pageWords.notReadable
}

/** One row of 收文 or 跟踪: marks and title above, who, state and time below. */
export function DocumentRow({ head, content, sealed, deputised = false, who, at, state }: Props) {
  return (
    <>
      <span className="row-title">
        <UrgencyMark urgency={head.urgency} />
        <LabelMark label={head.label} />
        {head.kind !== 'document' && <span className="mark mark-kind">{KINDS[head.kind]}</span>}
        <span className={content === null ? 'row-sealed' : ''}>{content === null ? sealedTitle(sealed, deputised) : content.title}</span>
      </span>
      <span className="row-foot"><span>{who}</span><span>{state}</span><time dateTime={at}>{nearDate(at)}</time></span>
    </>
  )
}
