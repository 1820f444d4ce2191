import { exactDate } from '@postroad/desk/kit'
import type { SignedReceipt } from '@postroad/waybill'
import { RECEIPTS } from '../../words.ts'
import { sentWords } from '../words.ts'

type Props = { readonly story: readonly SignedReceipt[]; readonly titleOf: (id: string) => string }

/** Receipts as a line of time: when, what, who. Each is signed by whom it names. */
export function Timeline({ story, titleOf }: Props) {
  return (
    <ol className="timeline">
      {story.map(({ receipt }) => (
        <li key={receipt.id}>
          <time dateTime={receipt.at}>{exactDate(receipt.at)}</time>
          <span>
            <b>{receipt.actor?.onBehalfOf ? sentWords.deputised : RECEIPTS[receipt.kind]}</b>　{receipt.actor === null ? titleOf(receipt.node) : actorWords(receipt.actor, titleOf)}
            {receipt.reason !== null && receipt.reason.text !== '' && <span className="quiet">　{receipt.reason.text}</span>}
          </span>
        </li>
      ))}
    </ol>
  )
}

function actorWords(actor: NonNullable<SignedReceipt['receipt']['actor']>, titleOf: (id: string) => string): string {
  if (actor.onBehalfOf !== null) return sentWords.onBehalf(titleOf(actor.organ), titleOf(actor.onBehalfOf), actor.name)
  return sentWords.by(actor.name, titleOf(actor.organ))
}
