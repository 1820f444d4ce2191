import { Empty, ErrorPanel, ItemList, useSession, Waiting } from '@postroad/desk/kit'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import type { Todo } from '../../model.ts'
import { RECEIVED_STATES } from '../../words.ts'
import { useOrganTitles } from '../directory/organs.ts'
import { UnlockHint } from '../keys/unlock-form.tsx'
import { DocumentRow } from '../received/list-row.tsx'
import { rowId } from '../received/row-id.ts'
import { useKeyed, useTerminal } from '../terminal/provider.tsx'
import { keyWords, workbenchWords } from '../words.ts'
import { useTodo } from './todo.ts'

const PLACES: Readonly<Record<keyof Todo, string>> = { waiting: '/received?view=waiting', urgent: '/received?view=waiting', returned: '/sent', recalling: '/sent' }
const ORDER = ['waiting', 'urgent', 'returned', 'recalling'] as const
const SHOWN = 8
const RANK: Readonly<Record<string, number>> = { extraUrgent: 0, urgent: 1, normal: 2 }

/** 工作台: how much waits, and what comes first. */
export function Workbench() {
  const { person, posts } = useSession()
  const { keys } = useTerminal()
  const todo = useTodo()
  if (!posts.some(({ duties }) => duties.includes('documents.read'))) return <div className="workbench"><h1>{workbenchWords.greeting(person.name)}</h1><Empty title={workbenchWords.noDuty}>{workbenchWords.noDutyHelp}</Empty></div>
  return (
    <div className="workbench">
      <h1>{workbenchWords.greeting(person.name)}</h1>
      <section aria-label={workbenchWords.todo}>
        <ErrorPanel thrown={todo.error} onRetry={() => void todo.refetch()} />
        <ul className="counts">
          {ORDER.map((name) => (
            <li key={name}>
              <Link to={PLACES[name]} className="count" title={workbenchWords.countsHelp[name]}>
                <span className={`count-number${(todo.data?.[name] ?? 0) === 0 ? ' count-none' : ''}${name === 'urgent' && (todo.data?.urgent ?? 0) > 0 ? ' count-urgent' : ''}`}>{todo.data?.[name] ?? '–'}</span>
                <span>{workbenchWords.counts[name]}</span>
              </Link>
            </li>
          ))}
        </ul>
      </section>
      <UnlockHint />
      {keys.span?.temporary === true && <p className="notice">{keyWords.temporaryHint}</p>}
      <First />
    </div>
  )
}

/** The few that come first: most urgent, then longest waiting. */
function First() {
  const { terminal } = useTerminal()
  const keyed = useKeyed()
  const titles = useOrganTitles()
  const query = useQuery({ queryKey: keyed('received', 'first'), queryFn: () => terminal.call('listReceived', [{ view: 'waiting' }]) })
  const rows = [...(query.data?.items ?? [])]
    .sort((one, other) => (RANK[one.head.urgency] ?? 9) - (RANK[other.head.urgency] ?? 9) || one.arrivedAt.localeCompare(other.arrivedAt))
    .slice(0, SHOWN)
    .map((row) => ({ ...row, id: rowId(row) }))
  return (
    <section className="first">
      <header className="first-head"><h2>{workbenchWords.next}</h2><Link to="/received">{workbenchWords.all}</Link></header>
      <ErrorPanel thrown={query.error} onRetry={() => void query.refetch()} />
      {query.isPending ? <Waiting /> : (
        <ItemList
          name={workbenchWords.next} items={rows} selected={null} scope="first" pathOf={(row) => `/received/${row.id}`} edge={(row) => row.head.label > 0}
          row={(row) => <DocumentRow {...row} who={titles(row.head.sender.organ)} at={row.arrivedAt} state={RECEIVED_STATES[row.state]} />}
          empty={<Empty title={workbenchWords.none}>{workbenchWords.noneHelp}</Empty>}
        />
      )}
    </section>
  )
}
