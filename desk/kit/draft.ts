import { useCallback, useEffect, useRef, useState } from 'react'
import { readAllStored, removeAllStored, writeAllStored } from './store.ts'

/** `savedAt` is null while a change is being kept, or when nothing was kept yet. */
export type Draft<T> = { readonly value: T; readonly ready: boolean; readonly savedAt: Date | null; change(part: Partial<T>): void; clear(): Promise<void> }

/**
 * A draft that survives reload, sign-out and crash: every change is at once on its way into this browser's IndexedDB, field by field, so that a
 * letter typed does not write the draft's files again. `ready` is false until an earlier draft was looked for.
 */
export function useDraft<T extends object>(key: string, empty: T): Draft<T> {
  const [value, setValue] = useState(empty)
  const [ready, setReady] = useState(false)
  const [savedAt, setSavedAt] = useState<Date | null>(null)
  const pending = useRef<Partial<T> | null>(null)
  const writing = useRef<Promise<void> | null>(null)
  const nothing = useRef(empty)
  const prefix = `${key}/`

  useEffect(() => {
    let gone = false
    readAllStored('drafts', prefix).then((stored) => {
      if (gone) return
      if (stored.size > 0) setValue({ ...nothing.current, ...(Object.fromEntries(stored) as Partial<T>) })
      setReady(true)
    }, () => setReady(true)) // without storage the page still works, only reload forgets
    return () => {
      gone = true
    }
  }, [prefix])

  const flush = useCallback(async () => {
    while (pending.current !== null) {
      const part = pending.current
      pending.current = null
      await writeAllStored('drafts', prefix, new Map(Object.entries(part)))
    }
    setSavedAt(new Date())
  }, [prefix])

  const change = useCallback((part: Partial<T>) => {
    setValue((before) => ({ ...before, ...part }))
    setSavedAt(null)
    pending.current = { ...pending.current, ...part }
    writing.current ??= flush().catch(() => undefined).finally(() => {
      writing.current = null
    })
  }, [flush])

  const clear = useCallback(async () => {
    pending.current = null
    await writing.current
    await removeAllStored('drafts', prefix)
    setValue(nothing.current)
    setSavedAt(null)
  }, [prefix])

  return { value, ready, savedAt, change, clear }
}
