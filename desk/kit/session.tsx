import { useQuery, useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext, useEffect } from 'react'
import { api, setCsrf, whenSignedOut } from './api.ts'
import { DeskFault } from './fault.ts'

export type SessionPost = { readonly id: string; readonly organ: string; readonly organTitle: string; readonly title: string; readonly duties: readonly string[] }
export type SessionMenu = { readonly id: string; readonly title: string; readonly path: string; readonly order: number }
/** Who is signed in at this desk: the answer of `GET /api/identity/session`. */
export type Session = {
  readonly person: { readonly id: string; readonly name: string; readonly account: string }
  readonly node: { readonly id: string; readonly title: string }
  readonly posts: readonly SessionPost[]
  readonly acting: SessionPost
  readonly csrf: string
  readonly menu: readonly SessionMenu[]
}

const Current = createContext<Session | null>(null)
export const SESSION_KEY = ['session'] as const

/** The session of everything below a signed-in route. */
export function useSession(): Session {
  const session = useContext(Current)
  if (session === null) throw new Error('no session above this component')
  return session
}

/** Asks once; null when nobody is signed in. */
export function useSessionQuery() {
  return useQuery({
    queryKey: SESSION_KEY,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    queryFn: async (): Promise<Session | null> => {
      try {
        const session = await api<Session>('/identity/session')
        setCsrf(session.csrf)
        return session
      } catch (thrown) {
        if (thrown instanceof DeskFault && thrown.fault.status === 401) return null
        throw thrown
      }
    },
  })
}

export function SessionProvider({ session, children }: { readonly session: Session; readonly children: ReactNode }) {
  const client = useQueryClient()
  useEffect(() => whenSignedOut(() => client.setQueryData(SESSION_KEY, null)), [client])
  return <Current value={session}>{children}</Current>
}
