import { type ReactNode, useEffect, useState } from 'react'
import { kitWords } from './words.ts'

/** True once `milliseconds` have passed since this was first drawn. */
function useElapsed(milliseconds: number): boolean {
  const [elapsed, setElapsed] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setElapsed(true), milliseconds)
    return () => clearTimeout(timer)
  }, [milliseconds])
  return elapsed
}

/** Nothing for 300 ms, then the grey shape of what comes, and after 3 s a word that it is slower than usual. */
export function Waiting({ rows = 4, note }: { readonly rows?: number; readonly note?: ReactNode }) {
  const visible = useElapsed(300)
  const slow = useElapsed(3000)
  if (!visible) return <div className="waiting" aria-busy="true" />
  return (
    <div className="waiting" aria-busy="true" role="status">
      <span className="unseen">{kitWords.loading}</span>
      {Array.from({ length: rows }, (_, row) => <div className="bone" key={row} style={{ width: `${90 - ((row * 17) % 40)}%` }} />)}
      {(note !== undefined || slow) && <p className="quiet">{note ?? kitWords.slow}</p>}
    </div>
  )
}
