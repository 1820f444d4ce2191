import { randomBytes, randomUUID } from 'node:crypto'
import type { Tx } from '@postroad/kernel/database'
import type { Node } from '@postroad/kernel/node'
import { type PersonPrincipal, service } from '@postroad/kernel/principal'
import { actorOf, record } from '@postroad/ledger/service'
import { directoryRoom, refresh, view } from '../room.ts'
import { lockDirectory } from '../store.ts'
import { directoryFaults } from '../words.ts'
import { SECRET_BYTES, writeJoinCode } from './code.ts'
import { type Admission, type Decision, type InvitedPlace, admissionOf, decisionRefusal } from './model.ts'
import { codeHash } from './proof.ts'
import { insertAdmission, insertInvitation, readInvitations } from './store.ts'

/** Of first-start settings: they are written by whoever sets up both machines. */
const BOOTSTRAP_MS = 30 * 24 * 3600_000
/** Of the desk: long enough to carry the code over and set up a machine. */
const DESK_MS = 7 * 24 * 3600_000
const MOST_LISTED = 500

/** Lets a node join under this one with a secret of the first-start settings; nobody need approve. The secret itself is not kept. */
export async function invite(node: Node, child: string, secret: string): Promise<void> {
  const { suites } = node.slots.get(directoryRoom)
  const now = node.now()
  const invitation = { id: randomUUID(), node: child, place: null, created: now, expires: new Date(now.getTime() + BOOTSTRAP_MS), by: null, approved: true }
  await node.transaction(service('directory'), (tx) => insertInvitation(tx, invitation, codeHash(suites, secret)))
}

export type Invited = { readonly id: string; readonly expires: Date; /** To be shown once; it is kept nowhere. */ readonly code: readonly string[] }

/**
 * Invites a new node from the centre's desk (邀请): answers the one-time code in lines. Whoever brings it waits until somebody approves.
 * @throws directory.nodeExists, directory.invitedAlready, directory.leavingItself
 */
export async function inviteNode(node: Node, person: PersonPrincipal, child: string, place: InvitedPlace): Promise<Invited> {
  const { suites } = node.slots.get(directoryRoom)
  await refresh(node)
  const directory = view(node)
  const own = directory.node(node.config.node)
  if (own === null || own.endpoint === null) throw directoryFaults.noEndpoint()
  if (directory.leaving(own.node) !== null) throw directoryFaults.leavingItself()
  if (directory.node(child) !== null) throw directoryFaults.nodeExists({ node: child })
  const now = node.now()
  const secret = randomBytes(SECRET_BYTES).toString('base64url')
  const invitation = { id: randomUUID(), node: child, place, created: now, expires: new Date(now.getTime() + DESK_MS), by: person.person, approved: false }
  const code = writeJoinCode(suites, { parent: own.node, node: child, url: own.endpoint, anchor: directory.state.pinned.fingerprint, secret })
  await node.transaction(service('directory'), async (tx) => {
    await lockDirectory(tx)
    const open = (await admissionsIn(tx, now, { node: child })).find(({ state }) => state === 'invited' || state === 'asked' || state === 'approved')
    if (open !== undefined) throw directoryFaults.invitedAlready({ node: child, state: open.state })
    await insertInvitation(tx, invitation, codeHash(suites, secret))
    await record(tx, node, { act: 'directory.invite', actor: actorOf(person), object: child, outcome: 'done', detail: { invitation: invitation.id, expires: invitation.expires.toISOString() } })
  })
  return { id: invitation.id, expires: invitation.expires, code }
}

/**
 * Approves (准入), refuses (拒绝) or withdraws (撤回) an invitation, in the person's name. Locked, so that of two decisions one stands.
 * @throws directory.noInvitation, directory.notWaiting, directory.otherFingerprint, directory.secondPersonNeeded
 */
export async function decideInvitation(node: Node, person: PersonPrincipal, id: string, decision: Omit<Decision, 'by'> & { readonly reason: string }): Promise<void> {
  await node.transaction(service('directory'), async (tx) => {
    await lockDirectory(tx)
    const [admission] = await admissionsIn(tx, node.now(), { id })
    if (admission === undefined) throw directoryFaults.noInvitation()
    const refusal = decisionRefusal(admission, { ...decision, by: person.person }, node.config.admission.twoPersons)
    if (refusal !== null) throw refusal
    const { kind, reason } = decision
    await insertAdmission(tx, id, { kind, at: node.now(), by: person.person, reason })
    await record(tx, node, {
      act: `directory.${kind}`, actor: actorOf(person), object: admission.invitation.node, outcome: 'done',
      detail: { invitation: id, ...(admission.asked === null ? {} : { fingerprint: admission.asked.fingerprint, address: admission.asked.address }), ...(reason === '' ? {} : { reason }) },
    })
  })
}

/** The newest invitations and where they stand. */
export const admissions = (node: Node): Promise<Admission[]> => node.transaction(service('directory'), (tx) => admissionsIn(tx, node.now(), { newest: MOST_LISTED }))

const admissionsIn = async (tx: Tx, now: Date, of: Parameters<typeof readInvitations>[1]): Promise<Admission[]> =>
  (await readInvitations(tx, of)).map(({ invitation, events }) => admissionOf(invitation, events, now))
