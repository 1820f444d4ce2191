import { api, Empty, ErrorPanel, fileSize, fullDate, useAct, useSession, Waiting } from '@postroad/desk/kit'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Button } from 'antd'
import type { BundleLink, BundleLinks } from '../../bundles/model.ts'
import { Held } from './held.tsx'
import { OpenBundlePanel } from './open-bundle.tsx'
import { bundleWords as words } from './words.ts'

const REFRESH_MS = 5000
const KEY = ['console', 'bundles'] as const

/** 摆渡: what waits for the courier, who lets it out, and what came and did not come. */
export function BundlesPage() {
  const query = useQuery({ queryKey: KEY, queryFn: ({ signal }) => api<BundleLinks>('/console/bundles', { signal }), refetchInterval: REFRESH_MS })
  const queries = useQueryClient()
  const again = () => queries.invalidateQueries({ queryKey: KEY })
  const links = query.data?.links
  return (
    <div className="workbench">
      <header><h1>{words.title}</h1><p className="quiet">{words.help}</p></header>
      <ErrorPanel thrown={query.error} onRetry={() => void query.refetch()} />
      {links === undefined ? query.isPending && <Waiting rows={6} /> : links.length === 0 && <Empty title={words.none}>{words.noneHelp}</Empty>}
      {links?.map((link) => <CourierLink key={link.link} link={link} onChanged={again} />)}
    </div>
  )
}

type Props = { readonly link: BundleLink; onChanged(): Promise<void> }

function CourierLink({ link, onChanged }: Props) {
  return (
    <section className="section" aria-label={link.title}>
      <h2>{link.title}{link.oneWay && <span className="quiet">{words.oneWay}</span>}</h2>
      {link.open === null ? <NextBundle link={link} onChanged={onChanged} /> : <OpenBundlePanel link={link} open={link.open} onChanged={onChanged} />}
      {link.held.length + link.heldAbove > 0 && <Held link={link} onChanged={onChanged} />}
      <Standing link={link} />
    </section>
  )
}

/** Nothing is under way: what a bundle would take along now. */
function NextBundle({ link: { link, title, twoPersons, waiting: { shipments, bytes, receipts, answers } }, onChanged }: Props) {
  const session = useSession()
  const prepare = useAct(async () => {
    await api('/road/bundles', { method: 'POST', body: { link } })
    await onChanged()
  })
  const mayPrepare = session.acting.duties.includes('road.bundle')
  return (
    <article className="applicant" aria-label={`${words.nextStep} ${title}`}>
      <h3>{words.nextStep}</h3>
      <p>{words.waiting(shipments, fileSize(bytes))}<br />{words.waitingBack(receipts, answers)}</p>
      <ErrorPanel thrown={prepare.thrown} onClose={prepare.forget} />
      {mayPrepare && (
        <div className="applicant-acts">
          <p className="quiet">{twoPersons ? words.prepareHelp.twoPersons : words.prepareHelp.onePerson}</p>
          <span className="applicant-buttons"><Button type={shipments > 0 ? 'primary' : 'default'} loading={prepare.busy} onClick={() => prepare.start()}>{words.prepare}</Button></span>
        </div>
      )}
    </article>
  )
}

/** What went and came, with what an operator has to look for. */
function Standing({ link: { lastWritten, unconfirmed, unanswered, heard: { highest, at, gaps, partial } } }: { readonly link: BundleLink }) {
  const missed = unconfirmed.some(({ isMissed }) => isMissed)
  return (
    <div className="pair">
      <div>
        <h3>{words.out}</h3>
        <dl className="facts">
          <dt>{words.written}</dt><dd>{lastWritten === 0 ? words.nothingYet : words.upTo(lastWritten)}</dd>
          <dt>{words.unconfirmed}</dt>
          <dd>{unconfirmed.length === 0 ? words.nothing : unconfirmed.map(({ number, writtenAt, isMissed }) => <div key={number}>{isMissed ? <b>{words.nth(number)}</b> : words.nth(number)}　<span className="quiet">{fullDate(writtenAt)}</span></div>)}</dd>
          {unanswered.length > 0 && <><dt>{words.unanswered}</dt><dd>{unanswered.map(({ number, shipments, times }) => <div key={number}>{words.unansweredOf(number, shipments, times)}</div>)}</dd></>}
        </dl>
        {missed && <p className="notice">{words.missed}</p>}
      </div>
      <div>
        <h3>{words.in}</h3>
        <dl className="facts">
          <dt>{words.highest}</dt><dd>{highest === 0 ? words.nothingYet : <>{words.nth(highest)}{at !== null && <>　<span className="quiet">{fullDate(at)}</span></>}</>}</dd>
          <dt>{words.gaps}</dt><dd>{gaps.length === 0 ? words.nothing : gaps.map(({ from, to }) => <div key={from}><b>{words.range(from, to)}</b></div>)}</dd>
          {partial.length > 0 && <><dt>{words.partial}</dt><dd>{partial.map((number) => <div key={number}><b>{words.nth(number)}</b></div>)}</dd></>}
        </dl>
        {gaps.length > 0 && <p className="notice">{words.gapsHelp}</p>}
        {partial.length > 0 && <p className="notice">{words.partialHelp}</p>}
      </div>
    </div>
  )
}
