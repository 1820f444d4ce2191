import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'

/** Events that change what a desk shows; each makes the open lists ask again. What is being read stays where it is (`useStill`). */
const EVENTS = ['road.arrived', 'road.receipt', 'road.submitted', 'directory.changed'] as const
const GATHER_MS = 400

/** Listens to the node's event stream while the desk is open; answers whether the line stands. The browser itself reconnects. */
export function useLive(): boolean {
  const client = useQueryClient()
  const [connected, setConnected] = useState(true)
  useEffect(() => {
    const source = new EventSource('/api/kernel/events')
    let timer: ReturnType<typeof setTimeout> | null = null
    const changed = () => {
      timer ??= setTimeout(() => {
        timer = null
        void client.invalidateQueries({ predicate: (query) => query.queryKey[0] !== 'session' })
      }, GATHER_MS)
    }
    for (const name of EVENTS) source.addEventListener(name, changed)
    source.onmessage = changed
    source.onopen = () => {
      setConnected((before) => {
        if (!before) changed() // what came while the line was down
        return true
      })
    }
    source.onerror = () => setConnected(false)
    return () => {
      source.close()
      if (timer !== null) clearTimeout(timer)
    }
  }, [client])
  return connected
}
