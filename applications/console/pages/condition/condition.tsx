import { api, Empty, ErrorPanel, Waiting } from '@postroad/desk/kit'
import { useQuery } from '@tanstack/react-query'
import type { Condition } from '../../model.ts'
import { conditionWords } from '../words.ts'

const REFRESH_MS = 5000

/** 运行状况: how this node and its links are doing, asked again every few seconds. */
export function ConditionPage() {
  const query = useQuery({ queryKey: ['console', 'condition'], queryFn: ({ signal }) => api<Condition>('/console/condition', { signal }), refetchInterval: REFRESH_MS })
  return (
    <div className="workbench">
      <h1>{conditionWords.title}</h1>
      <ErrorPanel thrown={query.error} onRetry={() => void query.refetch()} />
      {query.isPending ? <Waiting /> : <Links links={query.data?.links ?? []} />}
    </div>
  )
}

function Links({ links }: { readonly links: Condition['links'] }) {
  if (links.length === 0) return <Empty title={conditionWords.none}>{conditionWords.noneHelp}</Empty>
  return (
    <section className="section" aria-label={conditionWords.links}>
      <h2>{conditionWords.links}</h2>
      <table className="table">
        <thead><tr><th>{conditionWords.peer}</th><th>{conditionWords.state}</th><th>{conditionWords.waiting}</th><th>{conditionWords.receipts}</th></tr></thead>
        <tbody>{links.map((link) => <tr key={link.peer}><td>{link.title}</td><td>{stateWords(link)}</td><td>{link.waiting}</td><td>{link.receipts}</td></tr>)}</tbody>
      </table>
    </section>
  )
}

function stateWords({ greeted, failures }: Condition['links'][number]): string {
  if (greeted) return conditionWords.open
  return failures === 0 ? conditionWords.greeting : conditionWords.paused(failures)
}
