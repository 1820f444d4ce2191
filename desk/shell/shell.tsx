import { type ReactNode, useEffect } from 'react'
import { NavLink, Navigate, Outlet, useLocation } from 'react-router'
import { applications } from '../applications.ts'
import { ErrorPanel } from '../kit/error-panel.tsx'
import { KeyHelp } from '../kit/keyboard.tsx'
import { useLive } from '../kit/live.ts'
import { SessionProvider, useSession, useSessionQuery } from '../kit/session.tsx'
import { Waiting } from '../kit/waiting.tsx'
import { words } from '../words.ts'
import { TopBar } from './top-bar.tsx'

/** What stands around every page of somebody signed in. Without a session it leads to sign-in and remembers where one wanted to go. */
export function Shell() {
  const session = useSessionQuery()
  const location = useLocation()
  if (session.isPending) return <main className="alone"><Waiting /></main>
  if (session.isError) return <main className="alone"><ErrorPanel thrown={session.error} onRetry={() => void session.refetch()} /></main>
  if (session.data === null) return <Navigate to="/sign-in" replace state={{ from: location.pathname }} />
  return (
    <SessionProvider session={session.data}>
      <Around><Frame /></Around>
    </SessionProvider>
  )
}

function Around({ children }: { readonly children: ReactNode }) {
  return applications.reduceRight<ReactNode>((inner, { id, Around: Wrap }) => (Wrap === undefined ? inner : <Wrap key={id}>{inner}</Wrap>), children)
}

function Frame() {
  const { menu, acting } = useSession()
  const connected = useLive()
  useEffect(() => {
    document.title = `${acting.organTitle} · ${words.product}`
  }, [acting.organTitle])
  return (
    <div className="shell">
      <TopBar />
      {!connected && <p className="disconnected" role="status">{words.disconnected}</p>}
      <nav className="side" aria-label={words.navigation}>
        {[...menu].sort((one, other) => one.order - other.order).map((entry) => (
          <NavLink key={entry.id} to={entry.path} end={entry.path === '/'} className="side-entry">{entry.title}</NavLink>
        ))}
      </nav>
      <main className="page"><Outlet /></main>
      <KeyHelp />
    </div>
  )
}
