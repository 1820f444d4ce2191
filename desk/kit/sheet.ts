import { type RefObject, useEffect, useRef, useState } from 'react'
import { useKeys } from './keyboard.tsx'

/** A small sheet that hangs from a button: closes with Escape and with a press outside `box`, which holds both. */
export function useSheet(): { readonly open: boolean; readonly setOpen: (open: boolean) => void; readonly box: RefObject<HTMLSpanElement | null> } {
  const [open, setOpen] = useState(false)
  const box = useRef<HTMLSpanElement>(null)
  useKeys(open ? { Escape: () => setOpen(false) } : {})
  useEffect(() => {
    if (!open) return
    const outside = (event: MouseEvent) => {
      if (event.target instanceof Node && box.current?.contains(event.target) !== true) setOpen(false)
    }
    window.addEventListener('mousedown', outside)
    return () => window.removeEventListener('mousedown', outside)
  }, [open])
  return { open, setOpen, box }
}
