import { equal, utf8 } from '@postroad/gm'
import type { Tx } from '@postroad/kernel/database'
import { Refusal } from '@postroad/kernel/errors'
import type { Node } from '@postroad/kernel/node'
import { service } from '@postroad/kernel/principal'
import { record } from '@postroad/ledger/service'
import { type NodeBody, anchorFingerprint, readLogs, sameKeys } from '@postroad/waybill'
import { issueCaChains, ownCertificates } from '../certificates.ts'
import type { InvitationAnswer, InvitationRequest, JoinAnswer, JoinRequest } from '../model.ts'
import { type DirectoryRoom, directoryRoom, refresh, view } from '../room.ts'
import { append, importIn } from '../statements.ts'
import { lockDirectory } from '../store.ts'
import { directoryFaults } from '../words.ts'
import { type Admission, type Asker, admissionOf, answerTo } from './model.ts'
import { certificateHash, proofOf } from './proof.ts'
import { insertAdmission, readInvitations } from './store.ts'

/** Other machines that are remembered for one code. */
const MOST_CONTESTERS = 20

/** What the road's server knows of the caller: the certificate that it proved to hold, and where it called from. */
export type Caller = { readonly certificate: Uint8Array | null; readonly from: string }

/**
 * Tells the holder of a code what it invites to, before its node is set up. Nothing is used up.
 * @throws directory.badCode, directory.inBetween, directory.codeWithdrawn, directory.codeExpired, directory.codeUsed, directory.joinRefused
 */
export async function describeInvitation(node: Node, request: InvitationRequest): Promise<InvitationAnswer> {
  await refresh(node)
  const own = view(node).node(node.config.node)
  const admission = await node.transaction(service('directory'), (tx) => provenIn(tx, node, request))
  const { invitation, state, asked } = admission
  const answer = answerTo(admission, asked?.fingerprint ?? '')
  if (answer.kind === 'refuse') throw answer.refusal
  if (state === 'joined') throw directoryFaults.codeUsed()
  return { v: 1, node: invitation.node, place: invitation.place, expires: invitation.expires.toISOString(), parent: own?.title ?? node.config.node, asked: asked !== null }
}

/**
 * The parent's side of joining: who shows the code first is kept by the fingerprint of its keys and waits for the centre's desk; once approved,
 * its keys are introduced and its log is taken. Repeated with the same keys (the answer was lost, the machine was restarted), it answers again.
 * @throws directory.badCode, directory.inBetween, directory.codeTaken and the like, directory.joinedAlready, directory.malformed
 */
export async function acceptJoin(node: Node, request: JoinRequest, caller: Caller): Promise<JoinAnswer> {
  const room = node.slots.get(directoryRoom)
  const first = request.statements[0]?.statement.body
  if (first?.kind !== 'node' || first.node !== request.node) throw directoryFaults.malformed({ fault: 'first' })
  if (first.parent !== node.config.node) throw directoryFaults.badCode()
  const fingerprint = anchorFingerprint(room.suites, request.node, first.keys)
  await refresh(node)
  if (room.view === null) throw directoryFaults.notJoined()
  // A refusal that leaves a trace is answered, not thrown, so that the trace is committed.
  const outcome = await node.transaction(service('directory'), async (tx): Promise<'pending' | 'joined' | Refusal> => {
    await lockDirectory(tx)
    const admission = await provenIn(tx, node, request)
    const introduced = view(node).state.introductions.get(node.config.node)?.get(request.node)
    if (introduced !== undefined && !sameKeys(introduced, first.keys)) return directoryFaults.joinedAlready()
    const asker = { fingerprint, title: first.title, address: caller.from }
    const answer = introduced === undefined ? answerTo(admission, fingerprint) : { kind: 'enter' as const }
    if (answer.kind === 'refuse') return answer.refusal
    if (answer.kind === 'contested') return contest(tx, node, admission, asker, answer.refusal)
    if (answer.kind === 'wait') return 'pending'
    if (answer.kind === 'ask') {
      checkAsker(room, request, first, admission, caller)
      await insertAdmission(tx, admission.invitation.id, { kind: 'asked', at: node.now(), ...asker })
      await record(tx, node, { act: 'directory.joinAsked', actor: { kind: 'node', id: request.node }, object: request.node, outcome: 'done', detail: { invitation: admission.invitation.id, fingerprint, address: caller.from } })
      if (!admission.invitation.approved) return 'pending'
    }
    await enter(tx, node, request, first, admission)
    return 'joined'
  })
  if (outcome instanceof Refusal) throw outcome
  if (outcome === 'pending') return { v: 1, pending: true }
  await refresh(node)
  const current = view(node).node(request.node) ?? first
  return { v: 1, statements: view(node).statementsSince({}), caChains: issueCaChains(node, current) }
}

/** The invitation whose code proves this request. @throws directory.badCode, directory.inBetween */
async function provenIn(tx: Tx, node: Node, request: JoinRequest | InvitationRequest): Promise<Admission> {
  const { suites } = node.slots.get(directoryRoom)
  const { proof, ...proven } = request
  const found = (await readInvitations(tx, { node: request.node })).find((each) => equal(utf8(proof), utf8(proofOf(suites, each.codeHash, proven))))
  if (found === undefined) throw directoryFaults.badCode()
  // The code is the right one, and was shown to somebody else's certificate: that somebody passed it on.
  if (!ownCertificates(node).some((certificate) => certificateHash(suites, certificate) === request.seen)) throw directoryFaults.inBetween({ node: request.node })
  return admissionOf(found.invitation, found.events, node.now())
}

/** A code in two hands is an alarm for the desk: whoever is honest can be told by its fingerprint. */
async function contest(tx: Tx, node: Node, admission: Admission, asker: Asker, refusal: Refusal): Promise<Refusal> {
  if (admission.contested < MOST_CONTESTERS) await insertAdmission(tx, admission.invitation.id, { kind: 'contested', at: node.now(), ...asker })
  return refusal
}

/** What asks must hold what it names: its log is good under its own keys, the connection is of its own certificate, and it is who was invited. */
function checkAsker(room: DirectoryRoom, { statements, node }: JoinRequest, first: NodeBody, { invitation: { place } }: Admission, { certificate }: Caller): void {
  const self = { node, fingerprint: anchorFingerprint(room.suites, node, first.keys) }
  const read = readLogs(room.suites, self, { [node]: statements })
  const body = read.view.node(node)
  const fault = read.faults[0]?.fault.code
  if (fault !== undefined || body === null || statements.some(({ statement }) => statement.log !== node)) throw directoryFaults.malformed({ fault: fault ?? 'log' })
  if (certificate === null || !equal(certificate, Buffer.from(body.tls.certificate, 'base64url'))) throw directoryFaults.malformed({ fault: 'certificate' })
  if (place !== null && (body.level !== place.level || body.region !== place.region || body.maxLabel > place.maxLabel)) throw directoryFaults.otherPlace({ level: body.level, region: body.region })
}

async function enter(tx: Tx, node: Node, request: JoinRequest, first: NodeBody, { invitation, state }: Admission): Promise<void> {
  if (view(node).state.introductions.get(node.config.node)?.get(request.node) === undefined) await append(tx, node, { kind: 'child', node: request.node, keys: first.keys })
  const read = await importIn(tx, node, request.statements, request.node)
  const fault = read.faults.find(({ log }) => log === request.node)?.fault
  if (fault !== undefined) throw directoryFaults.malformed({ fault: fault.code })
  if (state === 'joined') return
  await insertAdmission(tx, invitation.id, { kind: 'joined', at: node.now() })
  await record(tx, node, { act: 'directory.join', actor: { kind: 'node', id: request.node }, object: request.node, outcome: 'done', detail: { lines: request.statements.length, invitation: invitation.id } })
}
