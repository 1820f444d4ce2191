import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, Navigate, useLocation } from 'react-router'
import { SESSION_KEY, useSessionQuery } from '../kit/session.tsx'
import { words } from '../words.ts'
import { EnrolForm } from './enrol-form.tsx'
import { PasswordForm } from './password-form.tsx'

/** The door: password, then this device's key or a passkey; or the first sign-in with a one-time code. */
export function SignIn() {
  const session = useSessionQuery()
  const client = useQueryClient()
  const location = useLocation()
  const [enrolling, setEnrolling] = useState(false)
  const [account, setAccount] = useState('')
  const from = (location.state as { from?: string } | null)?.from ?? '/'
  if (session.data) return <Navigate to={from} replace />
  const entered = () => client.invalidateQueries({ queryKey: SESSION_KEY })
  return (
    <main className="door">
      <header className="door-brand">
        <span className="seal seal-large" aria-hidden="true">{words.mark}</span>
        <span><b>{words.product}</b><span className="quiet">{words.subtitle}</span></span>
      </header>
      {enrolling
        ? <EnrolForm account={account} onAccount={setAccount} onEntered={entered} onKnown={() => setEnrolling(false)} />
        : <PasswordForm account={account} onAccount={setAccount} onEntered={entered} onEnrol={() => setEnrolling(true)} />}
      <footer className="door-foot"><Link to="/verify">{words.verifyPublic}</Link></footer>
    </main>
  )
}
