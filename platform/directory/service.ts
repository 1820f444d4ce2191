import { type KeyPair, type SuiteId, fromBase64url } from '@postroad/gm'
import { suites } from '@postroad/gm/node'
import type { Node } from '@postroad/kernel/node'
import type { CheckpointSigner } from '@postroad/ledger/service'
import { type BatchSignature, type SealDomain, signBatch, verifyBatch } from '@postroad/waybill'
import type { LinkSettings } from './links.ts'
import { directoryRoom } from './room.ts'
import { loadedPair, readSecrets } from './secrets.ts'
import { directoryFaults } from './words.ts'

export { organKeyBodies, readBootstrap } from './bootstrap.ts'
export { type CertificateEnd, certificateEnds } from './certificate-ends.ts'
export { blockNode, isBlocked, unblockNode } from './blocking.ts'
export { certificateUntil, distributeCertificates, tls, tlsCertificate } from './certificates.ts'
export { exchangeWith } from './exchange.ts'
export { closeMember, dismissMember, keepMember, sayFarewell } from './leaving.ts'
export type { LinkSetting, LinkSettings } from './links.ts'
export type { ExchangeRequest } from './model.ts'
export { type JoinCode, readJoinCode, spokenFingerprint } from './admission/code.ts'
export { admissions, decideInvitation, invite, inviteNode } from './admission/invitations.ts'
export { askInvitation } from './join.ts'
export { joinProgress, ownFingerprint } from './joining.ts'
export { MAX_PEER_BODY_BYTES, type PeerHandler, type PeerReply, type PeerRequest, neighbours, peerOf, peerRoutes, takeExchange } from './peers.ts'
export { hasLeft, onDirectoryChange, refresh, view, viewNow } from './room.ts'
export { markRestored } from './restored.ts'
export { type Imported, append, importLogs, logsSince } from './statements.ts'

/** What carries the link to a peer, and within which limits. */
export const linkSettings = (node: Node): LinkSettings => node.slots.get(directoryRoom).settingOf

/** The node's signing keys with their names in the directory, one per suite. */
export const nodeKeys = (node: Node): Readonly<Record<SuiteId, { readonly id: string; readonly keyPair: KeyPair }>> => node.slots.get(directoryRoom).keys

/** Signs structures with the node's key: one private-key operation for all, a seal for each, in order. */
export function signAsNode(node: Node, suite: SuiteId, domain: SealDomain, structures: readonly unknown[]): BatchSignature[] {
  const room = node.slots.get(directoryRoom)
  const { id, keyPair } = room.keys[suite]
  return signBatch(room.suites[suite], { key: id, keyPair }, domain, structures)
}

/** The node's hand on its ledger. A checkpoint is good under any key that the node's log ever named. */
export function checkpointSigner(node: Node): CheckpointSigner {
  const room = node.slots.get(directoryRoom)
  return {
    sign: async (checkpoint) => signAsNode(node, checkpoint.suite, 'checkpoint', [checkpoint])[0] as BatchSignature,
    verify: (checkpoint, seal) => {
      const own = room.keys[seal.suite]
      const publicKey = own.id === seal.key ? own.keyPair.publicKey : room.view?.nodeKey(node.config.node, seal.key)?.publicKey
      if (publicKey === undefined) return false
      return verifyBatch(room.suites, typeof publicKey === 'string' ? fromBase64url(publicKey) : publicKey, 'checkpoint', checkpoint, seal)
    },
  }
}

/** The node's hand from its home folder alone, for the command line: the node need not run. @throws directory.notSetUp */
export function homeSigner(home: string): { readonly node: string; readonly publicKeys: readonly { readonly id: string; readonly suite: SuiteId; readonly publicKey: string }[]; sign(domain: SealDomain, structure: unknown): BatchSignature } {
  const secrets = readSecrets(home)
  const key = secrets?.keys.find(({ suite }) => suite === 'SM')
  if (secrets === null || key === undefined) throw directoryFaults.notSetUp()
  return {
    node: secrets.node,
    publicKeys: secrets.keys,
    sign: (domain, structure) => signBatch(suites.SM, { key: key.id, keyPair: loadedPair(key) }, domain, [structure])[0] as BatchSignature,
  }
}

/** Verifies checkpoints with the keys in a node's home folder, for the command line: the node need not run. @throws directory.notSetUp */
export function homeCheckpointVerifier(home: string): CheckpointSigner['verify'] {
  const secrets = readSecrets(home)
  if (secrets === null) throw directoryFaults.notSetUp()
  return (checkpoint, seal) => {
    const key = [...secrets.keys, ...(secrets.retired ?? [])].find(({ id, suite }) => id === seal.key && suite === seal.suite)
    return key !== undefined && verifyBatch(suites, fromBase64url(key.publicKey), 'checkpoint', checkpoint, seal)
  }
}
