import { Button } from 'antd'
import { useState } from 'react'
import { Link } from 'react-router'
import { api } from '../kit/api.ts'
import { ErrorPanel } from '../kit/error-panel.tsx'
import { useSession } from '../kit/session.tsx'
import { useSheet } from '../kit/sheet.ts'
import { words } from '../words.ts'

/** The person's name, opening onto the few things that concern the person. */
export function NameMenu() {
  const { person, node } = useSession()
  const { open, setOpen, box } = useSheet()
  const [notice, setNotice] = useState<string | null>(null)
  const [thrown, setThrown] = useState<unknown>(null)
  // A new page: nothing that was read, and no opened key, stays in this one's memory.
  const signOut = () => api('/identity/sign-out', { method: 'POST', body: {} }).then(() => window.location.assign('/sign-in'), setThrown)
  const addPasskey = async () => {
    setThrown(null)
    const { registerPasskey } = await import('../sign-in/passkey.ts')
    await registerPasskey(person.account).then(() => setNotice(words.passkeyAdded), setThrown)
  }
  return (
    <span className="name-menu" ref={box}>
      <Button type="text" aria-expanded={open} onClick={() => setOpen(!open)}>{person.name}<span className="chevron" aria-hidden="true" /></Button>
      {open && (
        <div className="name-sheet">
          <p className="quiet">{node.title}</p>
          <ErrorPanel thrown={thrown} onClose={() => setThrown(null)} />
          {notice !== null && <p role="status">{notice}</p>}
          <Button type="text" block onClick={() => void addPasskey()}>{words.addPasskey}</Button>
          <Link to="/verify" className="sheet-link">{words.verifyPublic}</Link>
          <Button type="text" block onClick={() => void signOut()}>{words.signOut}</Button>
        </div>
      )}
    </span>
  )
}
