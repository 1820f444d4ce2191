import { api, ErrorPanel, fileSize, fullDate, LabelMark, UrgencyMark, useAct, useSession, Waiting } from '@postroad/desk/kit'
import { useQuery } from '@tanstack/react-query'
import { Button, Checkbox } from 'antd'
import { useState } from 'react'
import type { BundleLink, Contents, OpenBundle } from '../../bundles/model.ts'
import { bundleWords as words } from './words.ts'

type Props = { readonly link: BundleLink; readonly open: OpenBundle; onChanged(): Promise<void> }

/** A bundle that waits for the second person, who looks at what goes, or for the medium. */
export function OpenBundlePanel({ link: { link, title }, open, onChanged }: Props) {
  const { number, state, preparedBy, releasedBy } = open
  const session = useSession()
  const [compared, setCompared] = useState(false)
  const decide = useAct(async (step: 'release' | 'withdraw') => {
    await api(`/road/bundles/${link}/${number}/${step}`, { method: 'POST', body: {} })
    await onChanged()
  })
  const mayDecide = session.acting.duties.includes('road.release')
  const isOwn = preparedBy?.id === session.person.id
  const mayRelease = state === 'prepared' && mayDecide && !isOwn
  return (
    <article className="applicant" aria-label={`${words.package(number)} ${title}`}>
      <h3>{words.package(number)}　<span className="quiet">{words.states[state]}</span></h3>
      <p>{words.contents(open.shipments, open.receipts, open.answers, fileSize(open.bytes))}</p>
      {preparedBy !== null && <p className="quiet">{words.preparedBy(preparedBy.name)}{releasedBy !== null && `，${words.releasedBy(releasedBy.name)}`}</p>}
      <Inside link={link} open={open} shown={mayRelease} />
      {state === 'released' && <div><p>{words.write}</p><p><code>{words.command(link)}</code></p></div>}
      <ErrorPanel thrown={decide.thrown} onClose={decide.forget} />
      <div className="applicant-acts">
        {mayRelease ? <Checkbox checked={compared} onChange={(event) => setCompared(event.target.checked)}>{words.compared}</Checkbox>
          : state === 'prepared' && <p className="notice">{isOwn ? words.secondPerson : words.needRelease}</p>}
        {mayDecide && (
          <span className="applicant-buttons">
            <Button type="text" title={words.withdrawHelp} loading={decide.busy} onClick={() => decide.start('withdraw')}>{words.withdraw}</Button>
            {mayRelease && <Button type="primary" disabled={!compared} loading={decide.busy} onClick={() => decide.start('release')}>{words.release}</Button>}
          </span>
        )}
      </div>
    </article>
  )
}

/** The documents of a bundle: at once for whoever releases it, for others when they ask. */
function Inside({ link, open: { number, shipments }, shown }: { readonly link: string; readonly open: OpenBundle; readonly shown: boolean }) {
  const [wanted, setWanted] = useState(false)
  const isShown = shown || wanted
  const query = useQuery({ queryKey: ['console', 'bundles', link, number], queryFn: ({ signal }) => api<Contents>(`/console/bundles/${link}/${number}`, { signal }), enabled: isShown && shipments > 0 })
  if (shipments === 0) return <p className="quiet">{words.noShipments}</p>
  if (!isShown) return <button type="button" className="text-link" onClick={() => setWanted(true)}>{words.look}</button>
  if (query.data === undefined) return <><ErrorPanel thrown={query.error} onRetry={() => void query.refetch()} />{query.isPending && <Waiting rows={3} />}</>
  const { columns } = words
  return (
    <>
      <table className="table table-cards">
        <thead><tr><th>{columns.sender}</th><th>{columns.recipients}</th><th>{columns.marks}</th><th>{columns.size}</th><th>{columns.created}</th></tr></thead>
        <tbody>
          {query.data.shipments.map((one) => (
            <tr key={one.message}>
              <td data-label={columns.sender}>{one.sender}</td><td data-label={columns.recipients}>{one.recipients.join('、')}</td>
              <td data-label={columns.marks}><span><UrgencyMark urgency={one.urgency} /> <LabelMark label={one.label} />{one.urgency === 'normal' && one.label === 0 && '—'}</span></td>
              <td data-label={columns.size}>{fileSize(one.bytes)}</td><td data-label={columns.created}>{fullDate(one.created)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {query.data.aboveClearance > 0 && <p className="notice">{words.aboveClearance(query.data.aboveClearance)}</p>}
    </>
  )
}
