import { api, ErrorPanel, exactDate, Waiting } from '@postroad/desk/kit'
import { useQuery } from '@tanstack/react-query'
import type { ConditionAnswer } from '../../model.ts'
import { conditionWords } from '../words.ts'
import { Alarms } from './alarms.tsx'
import { Certificates } from './certificates.tsx'
import { Disks } from './disks.tsx'
import { Links } from './links.tsx'
import { Machine } from './machine.tsx'
import { Queues } from './queues.tsx'

const REFRESH_MS = 5000

/** 运行状况: what needs doing first, then how this node and its links are doing; asked again every few seconds. */
export function ConditionPage() {
  const query = useQuery({ queryKey: ['console', 'condition'], queryFn: ({ signal }) => api<ConditionAnswer>('/console/condition', { signal }), refetchInterval: REFRESH_MS })
  return (
    <div className="workbench console">
      <header>
        <h1>{query.data?.condition.title ?? ''}{conditionWords.title}</h1>
        {query.data !== undefined && <p className="quiet">{conditionWords.asOf(exactDate(query.data.condition.at))}</p>}
      </header>
      <ErrorPanel thrown={query.error} onRetry={() => void query.refetch()} />
      {query.isPending && <Waiting rows={6} />}
      {query.data !== undefined && (
        <>
          <Alarms open={query.data.open} cleared={query.data.cleared} />
          <Links condition={query.data.condition} />
          <Queues condition={query.data.condition} />
          <Disks disks={query.data.condition.disks} />
          <Machine condition={query.data.condition} />
          <Certificates condition={query.data.condition} />
        </>
      )}
    </div>
  )
}
