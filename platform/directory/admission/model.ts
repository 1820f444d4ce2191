import type { Refusal } from '@postroad/kernel/errors'
import type { z } from 'zod'
import type { invitedPlace } from '../model.ts'
import { directoryFaults } from '../words.ts'

/** What a centre offers to a new node. `approved`: by the first-start settings, so that nobody need say yes again. */
export type Invitation = {
  readonly id: string
  readonly node: string
  readonly place: InvitedPlace | null
  readonly created: Date
  readonly expires: Date
  /** The person who invited; null: the first-start settings. */
  readonly by: string | null
  readonly approved: boolean
}
/** Who the new node will be; null in first-start settings, where the node says so itself. */
export type InvitedPlace = z.infer<typeof invitedPlace>

/** A machine that showed the code: who it says it is, and the fingerprint of its keys. */
export type Asker = { readonly fingerprint: string; readonly title: string; readonly address: string }
export type Decided = { readonly kind: 'approved' | 'refused' | 'withdrawn'; readonly at: Date; readonly by: string; readonly reason: string }
export type AdmissionEvent =
  | (Asker & { readonly kind: 'asked'; readonly at: Date })
  | (Asker & { readonly kind: 'contested'; readonly at: Date })
  | Decided
  | { readonly kind: 'joined'; readonly at: Date }

export type AdmissionState = 'invited' | 'asked' | 'approved' | 'refused' | 'withdrawn' | 'expired' | 'joined'
/** Where an invitation stands; `contested` counts other machines that showed the same code. */
export type Admission = {
  readonly invitation: Invitation
  readonly state: AdmissionState
  readonly asked: (Asker & { readonly at: Date }) | null
  readonly contested: number
  readonly decided: Decided | null
}

/** Which states an event may follow; in any other it changes nothing. */
const FOLLOWS: Readonly<Record<Exclude<AdmissionEvent['kind'], 'contested'>, readonly AdmissionState[]>> = {
  asked: ['invited'],
  approved: ['asked'],
  refused: ['asked'],
  withdrawn: ['invited', 'asked', 'approved'],
  joined: ['approved'],
}

/** Where an invitation stands at an instant, from what happened, in order. What nobody approved in time is expired; what was approved waits for its node. */
export function admissionOf(invitation: Invitation, events: readonly AdmissionEvent[], now: Date): Admission {
  let admission: Admission = { invitation, state: 'invited', asked: null, contested: 0, decided: null }
  for (const event of events) admission = after(expiredBy(admission, event.at), event)
  return expiredBy(admission, now)
}

function after(admission: Admission, event: AdmissionEvent): Admission {
  if (event.kind === 'contested') return { ...admission, contested: admission.contested + 1 }
  if (!FOLLOWS[event.kind].includes(admission.state)) return admission
  if (event.kind === 'joined') return { ...admission, state: 'joined' }
  if (event.kind !== 'asked') return { ...admission, state: event.kind, decided: event }
  const { fingerprint, title, address, at } = event
  return { ...admission, state: admission.invitation.approved ? 'approved' : 'asked', asked: { fingerprint, title, address, at } }
}

const expiredBy = (admission: Admission, now: Date): Admission =>
  (admission.state === 'invited' || admission.state === 'asked') && now >= admission.invitation.expires ? { ...admission, state: 'expired' } : admission

/** What a machine with these keys is told when it shows the code: come in, wait, or why not. `contested`: the code is in somebody else's hands. */
export type Answer = { readonly kind: 'enter' | 'wait' | 'ask' } | { readonly kind: 'refuse' | 'contested'; readonly refusal: Refusal }

export function answerTo(admission: Admission, fingerprint: string): Answer {
  const { state, asked, decided } = admission
  if (state === 'invited') return { kind: 'ask' }
  if (state === 'withdrawn') return { kind: 'refuse', refusal: directoryFaults.codeWithdrawn() }
  if (state === 'expired') return { kind: 'refuse', refusal: directoryFaults.codeExpired() }
  if (asked?.fingerprint !== fingerprint) return { kind: 'contested', refusal: state === 'joined' ? directoryFaults.codeUsed() : directoryFaults.codeTaken() }
  if (state === 'refused') return { kind: 'refuse', refusal: directoryFaults.joinRefused({ reason: decided?.reason ?? '' }) }
  return { kind: state === 'asked' ? 'wait' : 'enter' }
}

export type Decision = { readonly kind: Decided['kind']; readonly by: string; readonly fingerprint: string | null }

/** Why a person may not decide so now, or null. An approval names the fingerprint that was compared, so that it is never of another machine. */
export function decisionRefusal(admission: Admission, decision: Decision, twoPersons: boolean): Refusal | null {
  if (!FOLLOWS[decision.kind].includes(admission.state)) return directoryFaults.notWaiting({ state: admission.state })
  if (decision.kind !== 'approved') return null
  if (decision.fingerprint !== admission.asked?.fingerprint) return directoryFaults.otherFingerprint()
  return twoPersons && decision.by === admission.invitation.by ? directoryFaults.secondPersonNeeded() : null
}
