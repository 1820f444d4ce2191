import { Empty, ErrorPanel, ItemList, ListDetail, Waiting } from '@postroad/desk/kit'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Button } from 'antd'
import { useMemo } from 'react'
import { Link, useNavigate, useParams, useSearchParams } from 'react-router'
import { RECEIVED_VIEWS, type ReceivedView } from '../../model.ts'
import type { ReceivedSummary } from '../../terminal/types.ts'
import { RECEIVED_STATES } from '../../words.ts'
import { useOrganTitles } from '../directory/organs.ts'
import { UnlockHint } from '../keys/unlock-form.tsx'
import { useKeyed, useTerminal } from '../terminal/provider.tsx'
import { pageWords, receivedWords } from '../words.ts'
import { ReceivedDetail } from './detail.tsx'
import { DocumentRow } from './list-row.tsx'
import { rowId } from './row-id.ts'
import { useTodo } from '../workbench/todo.ts'

const isView = (text: string | null): text is ReceivedView => text !== null && text in RECEIVED_VIEWS
/** 收文: the list of this post's organs on one side, the chosen document on the other. */
export function Received() {
  const { id = null } = useParams()
  const [parameters] = useSearchParams()
  const navigate = useNavigate()
  const wanted = parameters.get('view')
  const view: ReceivedView = isView(wanted) ? wanted : 'waiting'
  const search = (parameters.get('q') ?? '').trim()
  const { terminal } = useTerminal()
  const keyed = useKeyed()
  const titles = useOrganTitles()
  const query = useInfiniteQuery({
    queryKey: keyed('received', view),
    queryFn: ({ pageParam }) => terminal.call('listReceived', [{ view, ...(pageParam === '' ? {} : { cursor: pageParam }) }]),
    initialPageParam: '',
    getNextPageParam: (last) => last.next ?? undefined,
  })
  const rows = useMemo(() => (query.data?.pages ?? []).flatMap(({ items }) => items).map((row) => ({ ...row, id: rowId(row) })), [query.data])
  const shown = rows.filter((row) => matches(row, search, titles(row.head.sender.organ)))
  const suffix = parameters.toString() === '' ? '' : `?${parameters.toString()}`
  const after = (ended: string) => {
    const at = shown.findIndex((row) => row.id === ended)
    const next = shown[at + 1] ?? shown[at - 1]
    void navigate(next === undefined ? `/received${suffix}` : `/received/${next.id}${suffix}`)
  }
  const chosen = rows.find((row) => row.id === id) ?? null
  return (
    <ListDetail
      listPath={`/received${suffix}`}
      head={<><h1>{receivedWords.title}</h1><Views view={view} /></>}
      list={(
        <>
          <UnlockHint />
          {query.isError && <div className="pane-fault"><ErrorPanel thrown={query.error} onRetry={() => void query.refetch()} /></div>}
          {query.isPending ? <Waiting rows={6} /> : (
            <ItemList
              name={receivedWords.title} items={shown} selected={id} scope={`${view}/${search}`} pathOf={(row) => `/received/${row.id}${suffix}`} edge={(row) => row.head.label > 0}
              row={(row, left) => <DocumentRow {...row} who={titles(row.head.sender.organ)} at={row.arrivedAt} state={left ? receivedWords.left : RECEIVED_STATES[row.state]} />}
              empty={search === '' ? <Empty title={receivedWords.empty[view]}>{receivedWords.emptyHelp}</Empty> : <Empty title={receivedWords.noMatch}>{receivedWords.noMatchHelp}</Empty>}
            />
          )}
          {query.hasNextPage && <Button type="text" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>{pageWords.more}</Button>}
        </>
      )}
      detail={id === null ? null : <ReceivedDetail key={id} id={id} row={chosen} onEnded={() => after(id)} />}
      nothing={<Empty title={receivedWords.choose}>{receivedWords.chooseHelp}</Empty>}
    />
  )
}

/** The views as links with their counts: an address one can keep. */
function Views({ view }: { readonly view: ReceivedView }) {
  const todo = useTodo()
  return (
    <nav className="chips" aria-label={receivedWords.title}>
      {(Object.keys(RECEIVED_VIEWS) as ReceivedView[]).map((each) => (
        <Link key={each} className="chip" to={`/received?view=${each}`} aria-current={each === view}>
          {receivedWords.views[each]}{each === 'waiting' && todo.data !== undefined && todo.data.waiting > 0 && <b>{todo.data.waiting}</b>}
        </Link>
      ))}
    </nav>
  )
}

function matches(row: ReceivedSummary, search: string, sender: string): boolean {
  if (search === '') return true
  return [sender, row.content?.title, row.content?.number, row.content?.issuingName].some((text) => text?.includes(search) === true)
}
