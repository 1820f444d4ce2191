import { randomBytes } from 'node:crypto'
import { type Suites, base64url } from '@postroad/gm'
import { issueCertificate, pem, privateKeyPem } from '@postroad/gm/certificate'
import { Refusal } from '@postroad/kernel/errors'
import type { Node } from '@postroad/kernel/node'
import { service } from '@postroad/kernel/principal'
import { record } from '@postroad/ledger/service'
import { type NodeBody, type PinnedRoot, type SignedStatement, anchorFingerprint, readLogs, signedStatementHash, tlsCertificates } from '@postroad/waybill'
import type { z } from 'zod'
import type { JoinCode } from './admission/code.ts'
import { certificateHash, codeHash, proofOf } from './admission/proof.ts'
import { type Identity, type Line, openLine } from './call.ts'
import { adoptCaChains, chainsAreAnchored, tls } from './certificates.ts'
import { type Bootstrap, type InvitationAnswer, anchorLine, invitationAnswer, joinAnswer } from './model.ts'
import { byLog, directoryRoom, refresh, view } from './room.ts'
import { insertStatements, lockDirectory, statementsOf } from './store.ts'
import { directoryFaults } from './words.ts'

/** What the root of this node's tree first stated: keys and a title, nothing that a caller at the door may not see. */
export function firstLine(node: Node): z.infer<typeof anchorLine> {
  const [first] = view(node).log(view(node).state.pinned.node)
  if (first === undefined) throw directoryFaults.notJoined()
  return { v: 1, first }
}

/** Why a parent does not let a node in: told by the parent, and final but for a code that its first-start settings have yet to bring. */
const JOIN_FAULTS = ['badCode', 'codeWithdrawn', 'codeExpired', 'codeUsed', 'codeTaken', 'joinRefused', 'joinedAlready', 'inBetween', 'otherPlace'] as const

/** Asks for what a code stands for, and says again in this room's own words why it does not work. */
async function asking<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const told = error instanceof Refusal && error.code === 'directory.peerRefused' ? String(error.detail['code']) : ''
    const known = JOIN_FAULTS.find((name) => told === `directory.${name}`)
    if (known === undefined || !(error instanceof Refusal)) throw error
    throw directoryFaults[known](error.detail['reason'] === undefined ? {} : { reason: error.detail['reason'] })
  }
}

/** The root that this server's tree has, if it is the one that came with the code. Asked first, so that a mistyped anchor uses up no code. */
async function rootBehind(suites: Suites, line: Line, anchor: string): Promise<PinnedRoot> {
  const { first } = await line.post('/road/v1/anchor', { v: 1 }, anchorLine)
  return findRoot(suites, [first], anchor)
}

/**
 * Asks a parent what a code invites to, before there is a node: who answers is under the code's root, the code is good, and nothing is used up.
 * @throws directory.wrongAnchor, directory.peerUnreachable, directory.badCode and the like
 */
export async function askInvitation(suites: Suites, code: JoinCode): Promise<InvitationAnswer> {
  const line = await openLine(code.url, passingIdentity(suites))
  try {
    await rootBehind(suites, line, code.anchor)
    const asked = { v: 1 as const, node: code.node, seen: certificateHash(suites, line.certificate) }
    return await asking(() => line.post('/road/v1/invitation', { ...asked, proof: proofOf(suites, codeHash(suites, code.secret), asked) }, invitationAnswer))
  } finally {
    line.close()
  }
}

/** A certificate for one question: the road asks every caller for one. */
function passingIdentity(suites: Suites): Identity {
  const keyPair = suites.P256.generateKeyPair()
  const name = { commonName: 'postroad-join' }
  const now = Date.now()
  const terms = { serial: `40${randomBytes(15).toString('hex')}`, notBefore: new Date(now - 3600_000), notAfter: new Date(now + 3600_000), usage: 'tls' as const }
  return { key: privateKeyPem(suites.P256, keyPair), cert: pem('CERTIFICATE', issueCertificate(suites.P256, { name, keyPair }, { ...name, publicKey: keyPair.publicKey }, terms)) }
}

/**
 * The child's side: brings the code to the parent and takes the tree's directory, trusting only the anchor that came with the code.
 * `pending`: the parent knows of this node now, and somebody there has to approve.
 * @throws directory.wrongAnchor, directory.wrongServer, directory.peerUnreachable, directory.badCode and the like
 */
export async function joinParent(node: Node, parent: NonNullable<Bootstrap['parent']>): Promise<'joined' | 'pending'> {
  const room = node.slots.get(directoryRoom)
  const own = await node.transaction(service('directory'), (tx) => statementsOf(tx, node.config.node))
  const line = await openLine(parent.url, tls(node))
  try {
    await rootBehind(room.suites, line, parent.anchor)
    const body = { v: 1 as const, node: node.config.node, statements: own, seen: certificateHash(room.suites, line.certificate) }
    const answer = await asking(() => line.post('/road/v1/join', { ...body, proof: proofOf(room.suites, codeHash(room.suites, parent.code), body) }, joinAnswer))
    if ('pending' in answer) return 'pending'
    const pinned = findRoot(room.suites, answer.statements, parent.anchor)
    const read = readLogs(room.suites, pinned, byLog(answer.statements))
    const [parentBody, ownBody] = [read.view.node(parent.node), read.view.node(node.config.node)]
    if (parentBody === null || !tlsCertificates(parentBody).includes(base64url(line.certificate))) throw directoryFaults.wrongServer({ endpoint: parent.url })
    if (ownBody === null || !chainsAreAnchored(room, read.view, pinned, answer.caChains, node.now())) throw directoryFaults.wrongAnchor()
    await node.transaction(service('directory'), async (tx) => {
      await lockDirectory(tx)
      const others = read.accepted.filter(({ statement }) => statement.log !== node.config.node)
      await insertStatements(tx, others.map((signed) => ({ hash: signedStatementHash(room.suites, signed), signed })), parent.node, node.now())
      await record(tx, node, { act: 'directory.joined', actor: { kind: 'service', id: 'directory' }, object: parent.node, outcome: 'done', detail: { root: pinned.node, lines: others.length } })
      await node.emit(tx, 'directory.changed', { logs: Object.keys(byLog(answer.statements)) })
    })
    adoptCaChains(node, answer.caChains, pinned)
    await refresh(node)
    return 'joined'
  } finally {
    line.close()
  }
}

/** The root is the node whose first line has no parent and whose keys have the anchor's fingerprint. */
function findRoot(suites: Suites, statements: readonly SignedStatement[], anchor: string): PinnedRoot {
  const isFirst = (body: SignedStatement['statement']['body']): body is NodeBody => body.kind === 'node' && body.parent === null
  for (const { statement: { seq, body } } of statements) {
    if (seq === 0 && isFirst(body) && anchorFingerprint(suites, body.node, body.keys) === anchor) return { node: body.node, fingerprint: anchor }
  }
  throw directoryFaults.wrongAnchor()
}
