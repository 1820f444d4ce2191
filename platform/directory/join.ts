import { type Suites, base64url, concat, equal, fromBase64url, utf8 } from '@postroad/gm'
import type { Node } from '@postroad/kernel/node'
import { service } from '@postroad/kernel/principal'
import { record } from '@postroad/ledger/service'
import { type NodeBody, type PinnedRoot, type SignedStatement, anchorFingerprint, canonical, readLogs, sameKeys, signedStatementHash } from '@postroad/waybill'
import type { z } from 'zod'
import { openLine } from './call.ts'
import { adoptCaChains, chainsAreAnchored, issueCaChains, tls } from './certificates.ts'
import { type Bootstrap, type JoinAnswer, type JoinRequest, anchorLine, joinAnswer } from './model.ts'
import { type DirectoryRoom, byLog, directoryRoom, refresh, view } from './room.ts'
import { append, importIn } from './statements.ts'
import { insertInvite, insertStatements, invitesOf, lockDirectory, markInviteUsed, statementsOf } from './store.ts'
import { directoryFaults } from './words.ts'

/** An invitation is good for so long. */
const INVITE_MS = 30 * 24 * 3600_000

/** What is kept of a code, and what both sides key their proof with. A code has 160 random bits, so a plain hash hides it. */
const codeHash = (suites: Suites, code: string): Uint8Array => suites.SM.hash(utf8('postroad/1/join\0'), utf8(code))
/** Covers the certificate that the child saw: somebody in between shows another one, and the proof is void. */
const proofOf = (suites: Suites, hash: Uint8Array, request: Omit<JoinRequest, 'proof'>, certificate: Uint8Array): string =>
  base64url(suites.SM.mac(hash, concat(canonical({ v: request.v, node: request.node, statements: request.statements }), certificate)))

/** Lets a node join under this one with a code; the code itself is not kept. */
export async function invite(node: Node, child: string, code: string): Promise<void> {
  const { suites } = node.slots.get(directoryRoom)
  const now = node.now()
  await node.transaction(service('directory'), (tx) =>
    insertInvite(tx, { codeHash: codeHash(suites, code), node: child, created: now, expires: new Date(now.getTime() + INVITE_MS) }))
}

/**
 * The parent's side: the proof fits an unused code for this node, then the child's keys are introduced and its log is taken.
 * Repeated with the same keys (the answer was lost), it answers again.
 * @throws directory.badCode, directory.joinedAlready, directory.malformed
 */
export async function acceptJoin(node: Node, request: JoinRequest, certificate: Uint8Array): Promise<JoinAnswer> {
  const room = node.slots.get(directoryRoom)
  const first = request.statements[0]?.statement.body
  if (first?.kind !== 'node' || first.node !== request.node || first.parent !== node.config.node) throw directoryFaults.malformed({ fault: 'first' })
  await refresh(node)
  if (room.view === null) throw directoryFaults.notJoined()
  await node.transaction(service('directory'), async (tx) => {
    await lockDirectory(tx)
    const fitting = (await invitesOf(tx, request.node)).find((each) => equal(utf8(request.proof), utf8(proofOf(room.suites, each.codeHash, request, certificate))))
    const introduced = view(node).state.introductions.get(node.config.node)?.get(request.node)
    if (fitting === undefined || fitting.expires < node.now() || (fitting.used !== null && introduced === undefined)) throw directoryFaults.badCode()
    if (introduced !== undefined && !sameKeys(introduced, first.keys)) throw directoryFaults.joinedAlready()
    if (introduced === undefined) await append(tx, node, { kind: 'child', node: request.node, keys: first.keys })
    const read = await importIn(tx, node, request.statements, request.node)
    const fault = read.faults.find(({ log }) => log === request.node)?.fault
    if (fault !== undefined) throw directoryFaults.malformed({ fault: fault.code })
    await markInviteUsed(tx, fitting.codeHash, node.now())
    await record(tx, node, { act: 'directory.join', actor: { kind: 'node', id: request.node }, object: request.node, outcome: 'done', detail: { lines: request.statements.length } })
  })
  await refresh(node)
  return { v: 1, statements: view(node).statementsSince({}), caChains: issueCaChains(node, first) }
}

/** What the root of this node's tree first stated: keys and a title, nothing that a caller at the door may not see. */
export function firstLine(node: Node): z.infer<typeof anchorLine> {
  const [first] = view(node).log(view(node).state.pinned.node)
  if (first === undefined) throw directoryFaults.notJoined()
  return { v: 1, first }
}

/**
 * The child's side: brings the code to the parent and takes the tree's directory, trusting only the anchor that came with the code.
 * @throws directory.wrongAnchor, directory.wrongServer, directory.peerUnreachable, directory.peerRefused
 */
export async function joinParent(node: Node, parent: NonNullable<Bootstrap['parent']>): Promise<void> {
  const room = node.slots.get(directoryRoom)
  const own = await node.transaction(service('directory'), (tx) => statementsOf(tx, node.config.node))
  const line = await openLine(parent.url, tls(node))
  try {
    // Asked first, so that a mistyped anchor uses up no code.
    const { first } = await line.post('/road/v1/anchor', { v: 1 }, anchorLine)
    findRoot(room, [first], parent.anchor)
    const body = { v: 1 as const, node: node.config.node, statements: own }
    const answer = await line.post('/road/v1/join', { ...body, proof: proofOf(room.suites, codeHash(room.suites, parent.code), body, line.certificate) }, joinAnswer)
    const pinned = findRoot(room, answer.statements, parent.anchor)
    const read = readLogs(room.suites, pinned, byLog(answer.statements))
    const [parentBody, ownBody] = [read.view.node(parent.node), read.view.node(node.config.node)]
    if (parentBody === null || !equal(fromBase64url(parentBody.tls.certificate), line.certificate)) throw directoryFaults.wrongServer({ endpoint: parent.url })
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
  } finally {
    line.close()
  }
}

/** The root is the node whose first line has no parent and whose keys have the anchor's fingerprint. */
function findRoot(room: DirectoryRoom, statements: readonly SignedStatement[], anchor: string): PinnedRoot {
  const isFirst = (body: SignedStatement['statement']['body']): body is NodeBody => body.kind === 'node' && body.parent === null
  for (const { statement: { seq, body } } of statements) {
    if (seq === 0 && isFirst(body) && anchorFingerprint(room.suites, body.node, body.keys) === anchor) return { node: body.node, fingerprint: anchor }
  }
  throw directoryFaults.wrongAnchor()
}
