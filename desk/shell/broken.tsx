import { Link, useRouteError } from 'react-router'
import { Empty } from '../kit/empty.tsx'
import { ErrorPanel } from '../kit/error-panel.tsx'
import { words } from '../words.ts'

/** Where a page threw: says so in its place; the rest of the desk stands. */
export function Broken() {
  const thrown = useRouteError()
  return <main className="alone"><h1>{words.pageBroken}</h1><ErrorPanel thrown={thrown} onRetry={() => window.location.reload()} /></main>
}

export function NotHere() {
  return <Empty title={words.notHere}><p>{words.notHereHelp}</p><p><Link to="/">{words.toWorkbench}</Link></p></Empty>
}
