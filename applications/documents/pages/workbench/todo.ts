import { api, useSession } from '@postroad/desk/kit'
import { useQuery } from '@tanstack/react-query'
import type { Todo } from '../../model.ts'
import { useTerminal } from '../terminal/provider.tsx'

/** Counts of what waits; they need no keys. */
export function useTodo() {
  const { actor } = useTerminal()
  const { posts } = useSession()
  return useQuery({ queryKey: ['documents', actor, 'todo'], queryFn: () => api<Todo>('/documents/todo'), enabled: posts.some(({ duties }) => duties.includes('documents.read')) })
}
