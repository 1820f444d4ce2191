import { exactDate } from '@postroad/desk/kit'
import type { SignedReceipt } from '@postroad/waybill'
import { RECEIPTS } from '../../words.ts'
import { sentWords } from '../words.ts'

type Props = { readonly story: readonly SignedReceipt[]; /** Who took the delivery over; null where the organ stands. */ readonly heir: string | null; readonly titleOf: (id: string) => string }

/** Receipts as a line of time: when, what, who. Each is signed by whom it names. */
export function Timeline({ story, heir, titleOf }: Props) {
  return (
    <ol className="timeline">
      {story.map(({ receipt }) => (
        <li key={receipt.id}>
          <time dateTime={receipt.at}>{exactDate(receipt.at)}</time>
          <span>
            <b>{headOf(receipt, heir)}</b>　{receipt.actor === null ? titleOf(receipt.node) : actorWords(receipt.actor, heir, titleOf)}
            {receipt.reason !== null && receipt.reason.text !== '' && <span className="quiet">　{receipt.kind === 'forwarded' ? titleOf(receipt.reason.text) : receipt.reason.text}</span>}
          </span>
        </li>
      ))}
    </ol>
  )
}

function headOf({ kind, actor }: SignedReceipt['receipt'], heir: string | null): string {
  if (!actor?.onBehalfOf) return RECEIPTS[kind]
  return actor.organ === heir ? sentWords.takenOver(RECEIPTS[kind]) : sentWords.deputised
}

function actorWords(actor: NonNullable<SignedReceipt['receipt']['actor']>, heir: string | null, titleOf: (id: string) => string): string {
  if (actor.onBehalfOf !== null && actor.organ === heir) return sentWords.forHeir(titleOf(actor.organ), titleOf(actor.onBehalfOf), actor.name)
  if (actor.onBehalfOf !== null) return sentWords.onBehalf(titleOf(actor.organ), titleOf(actor.onBehalfOf), actor.name)
  return sentWords.by(actor.name, titleOf(actor.organ))
}
