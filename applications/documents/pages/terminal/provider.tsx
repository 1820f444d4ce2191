import { useSession } from '@postroad/desk/kit'
import { useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from 'react'
import { rememberAnchor, rememberedAnchor } from '../anchor.ts'
import { createTerminalClient, type TerminalClient } from './client.ts'
import type { KeySpan } from './port.ts'

type Keys = { readonly span: KeySpan; open(secret: string): Promise<void>; close(): Promise<void>; changeSecret(current: string, next: string): Promise<void> }
type Desk = { readonly terminal: TerminalClient; readonly keys: Keys; readonly actor: string }

const Current = createContext<Desk | null>(null)

/** The terminal of the post in force. Another post is another terminal: its organ's keys must be opened anew. */
export function TerminalProvider({ children }: { readonly children: ReactNode }) {
  const { person, acting } = useSession()
  const queries = useQueryClient()
  const terminal = useMemo(() => createTerminalClient({ person: person.id, name: person.name, post: acting.id, organ: acting.organ }), [person.id, person.name, acting.id, acting.organ])
  const [span, setSpan] = useState<KeySpan>(null)

  // The work session may end by itself: then the page says so and asks again.
  useEffect(() => terminal.whenClosed(() => setSpan(null)), [terminal])
  useEffect(() => () => {
    terminal.stop()
    setSpan(null)
  }, [terminal])

  const refresh = useCallback(() => queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] === 'documents' }), [queries])
  const open = useCallback(async (secret: string) => {
    const opened = await terminal.call('openKeys', [secret])
    setSpan(opened)
    if (rememberedAnchor() === null) rememberAnchor(await terminal.call('anchor', []))
    await refresh()
  }, [terminal, refresh])
  const close = useCallback(async () => {
    await terminal.call('closeKeys', [])
    setSpan(null)
    await refresh()
  }, [terminal, refresh])
  const changeSecret = useCallback(async (current: string, next: string) => {
    await terminal.call('changeSecret', [current, next])
    setSpan((before) => (before === null ? null : { ...before, temporary: false }))
  }, [terminal])

  const desk = useMemo<Desk>(() => ({ terminal, keys: { span, open, close, changeSecret }, actor: `${person.id}/${acting.id}` }), [terminal, span, open, close, changeSecret, person.id, acting.id])
  return <Current value={desk}>{children}</Current>
}

export function useTerminal(): Desk {
  const desk = useContext(Current)
  if (desk === null) throw new Error('no terminal above this component')
  return desk
}

/** Query keys of this room; whether the keys are open is part of them, as it decides what can be read. */
export function useKeyed(): (...parts: readonly unknown[]) => readonly unknown[] {
  const { keys, actor } = useTerminal()
  return (...parts) => ['documents', actor, keys.span === null ? 'closed' : 'open', ...parts]
}
