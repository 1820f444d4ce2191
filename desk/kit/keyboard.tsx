import { useEffect, useRef } from 'react'
import { kitWords } from './words.ts'

/** `Ctrl+Enter`, `?`, `j`, `Escape` … as `event.key` names them. */
export type KeyBindings = Readonly<Record<string, () => void>>

const ALWAYS = new Set(['Ctrl+Enter', 'Escape']) // these work while typing too

const isTyping = (target: EventTarget | null) => target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))

/** Binds keys while the component is shown. Single letters rest while somebody types or composes Chinese. */
export function useKeys(bindings: KeyBindings): void {
  const current = useRef(bindings)
  useEffect(() => {
    current.current = bindings
  })
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing || event.altKey || document.querySelector('dialog[open]') !== null) return
      const name = event.ctrlKey || event.metaKey ? `Ctrl+${event.key}` : event.key
      const act = current.current[name]
      if (act === undefined || (isTyping(event.target) && !ALWAYS.has(name))) return
      event.preventDefault()
      act()
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [])
}

/** The table of keys, opened by `?`. The browser's own dialog keeps the focus inside and gives it back. */
export function KeyHelp() {
  const dialog = useRef<HTMLDialogElement>(null)
  useKeys({ '?': () => dialog.current?.showModal() })
  return (
    <dialog ref={dialog} className="key-help" aria-label={kitWords.keysTitle} onClick={() => dialog.current?.close()}>
      <h2>{kitWords.keysTitle}</h2>
      <dl>{kitWords.keys.map(([key, meaning]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{meaning}</dd></div>)}</dl>
    </dialog>
  )
}
