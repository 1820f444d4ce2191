import { Empty, ErrorPanel, ItemList, ListDetail, Waiting } from '@postroad/desk/kit'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Button } from 'antd'
import { useMemo } from 'react'
import { useParams, useSearchParams } from 'react-router'
import { progress } from '../../model.ts'
import { UnlockHint } from '../keys/unlock-form.tsx'
import { DocumentRow } from '../received/list-row.tsx'
import { useKeyed, useTerminal } from '../terminal/provider.tsx'
import { pageWords, receivedWords, sentWords } from '../words.ts'
import { SentDetail } from './detail.tsx'

/** 跟踪: what this organ sent, and how far each has come. */
export function Sent() {
  const { id = null } = useParams()
  const [parameters] = useSearchParams()
  const search = (parameters.get('q') ?? '').trim()
  const { terminal } = useTerminal()
  const keyed = useKeyed()
  const query = useInfiniteQuery({
    queryKey: keyed('sent'),
    queryFn: ({ pageParam }) => terminal.call('listSent', [pageParam === '' ? {} : { cursor: pageParam }]),
    initialPageParam: '',
    getNextPageParam: (last) => last.next ?? undefined,
  })
  const rows = useMemo(() => (query.data?.pages ?? []).flatMap(({ items }) => items).map((row) => ({ ...row, id: row.message })), [query.data])
  const shown = rows.filter(({ content }) => search === '' || [content?.title, content?.number].some((text) => text?.includes(search) === true))
  const suffix = search === '' ? '' : `?q=${encodeURIComponent(search)}`
  const signedOf = (row: (typeof rows)[number]) => {
    const { signed, total } = progress(row.states)
    return sentWords.progress(signed, total)
  }
  return (
    <ListDetail
      listPath={`/sent${suffix}`}
      head={<h1>{sentWords.title}</h1>}
      list={(
        <>
          <UnlockHint />
          {query.isError && <div className="pane-fault"><ErrorPanel thrown={query.error} onRetry={() => void query.refetch()} /></div>}
          {query.isPending ? <Waiting rows={6} /> : (
            <ItemList
              name={sentWords.title} items={shown} selected={id} scope={search} pathOf={(row) => `/sent/${row.id}${suffix}`} edge={(row) => row.head.label > 0}
              row={(row) => <DocumentRow {...row} who={row.content?.number ?? ''} at={row.submittedAt} state={signedOf(row)} />}
              empty={search === '' ? <Empty title={sentWords.empty}>{sentWords.emptyHelp}</Empty> : <Empty title={receivedWords.noMatch}>{receivedWords.noMatchHelp}</Empty>}
            />
          )}
          {query.hasNextPage && <Button type="text" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>{pageWords.more}</Button>}
        </>
      )}
      detail={id === null ? null : <SentDetail key={id} id={id} row={rows.find((row) => row.id === id) ?? null} done={parameters.get('done') === 'dispatched'} />}
      nothing={<Empty title={sentWords.choose} />}
    />
  )
}
