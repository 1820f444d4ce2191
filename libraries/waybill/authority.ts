import type { SuiteId } from '@postroad/gm'
import { base64url } from '@postroad/gm'
import { decodeBytes } from './canonical.ts'
import type { DirectoryView, KeyPurpose } from './directory.ts'
import { FINE, fail, ok, type Result } from './fault.ts'
import type { NodeKeyOf } from './hops.ts'
import type { Head } from './model.ts'
import { isOrganKind, type ReceiptKeyOf } from './receipts.ts'

/** Judges node seals by a directory: the key was the node's own at that instant and is not revoked or compromised. */
export const nodeKeyOf =
  (view: DirectoryView): NodeKeyOf =>
  (node, seal, at) => {
    const key = view.nodeKey(node, seal.key)
    if (key === null) return fail('unknownKey', `${node} ${seal.key}`)
    if (key.suite !== seal.suite) return fail('wrongSuite', seal.key)
    const state = view.nodeKeyState(node, seal.key, at)
    return state.ok ? publicKeyBytes(key.publicKey) : state
  }

/** An organ's key for a purpose at an instant, or why it may not be used. */
export function organKey(view: DirectoryView, organ: string, key: string, purpose: KeyPurpose, suite: SuiteId, at: string): Result<Uint8Array> {
  const entry = view.key(key)
  if (entry === null) return fail('unknownKey', key)
  if (entry.owner !== organ) return fail('wrongSigner', `${key} is not a key of ${organ}`)
  if (entry.purpose !== purpose) return fail('wrongKeyPurpose', key)
  if (entry.suite !== suite) return fail('wrongSuite', key)
  const state = view.keyState(key, at)
  return state.ok ? publicKeyBytes(entry.publicKey) : state
}

/**
 * Judges receipt seals by a directory. Acts of an organ are sealed by the recipient organ, by an heir once it had ended (承接单位), or by a deputy that
 * the recipient, or who stands for it, had authorised (代收); `arrived` only by a node that hosts the organ or its heir; other facts by the node they name.
 */
export const receiptKeyOf =
  (view: DirectoryView): ReceiptKeyOf =>
  (receipt, seal) => {
    const { kind, recipient, actor, at, node } = receipt
    if (!isOrganKind(kind)) {
      const host = recipient === null ? null : view.organ(recipient)
      if (kind === 'arrived' && host === null) return fail('unknownOrgan', recipient ?? '')
      if (kind === 'arrived' && !view.mayHost(recipient ?? '', node, at)) return fail('wrongNode', node)
      return nodeKeyOf(view)(node, seal, at)
    }
    if (recipient === null) return fail('receiptIncomplete', kind)
    const signer = actor === null ? recipient : actor.organ
    if (signer !== recipient && !view.heirsOf(recipient, at).includes(signer)) {
      if (kind !== 'signedFor' && kind !== 'delivered') return fail('notDeputy', `${signer} may only sign for`)
      if (![recipient, view.standsFor(recipient, at) ?? recipient].some((organ) => view.deputiesOf(organ, at).includes(signer))) return fail('notDeputy', signer)
    }
    return organKey(view, signer, seal.key, 'sign', seal.suite, at)
  }

/** Whether a manifest's signer is the sender the head names, entitled at `at` (submission): its signing key, and the issuing name it holds. */
export function checkSigner(view: DirectoryView, head: Head, signer: { readonly suite: SuiteId; readonly publicKey: Uint8Array }, at: string): Result<null> {
  const { organ, name, key } = head.sender
  if (view.organ(organ) === null) return fail('unknownOrgan', organ)
  const expected = organKey(view, organ, key, 'sign', head.suite, at)
  if (!expected.ok) return expected
  if (signer.suite !== head.suite || base64url(signer.publicKey) !== base64url(expected.value)) return fail('signerNotSender', key)
  return view.namesOf(organ, at).some((held) => held.name === name) ? FINE : fail('nameNotHeld', name)
}

/** Whether a head's recipients can be reached and read: each organ is known and each key is its own, for encryption, in the head's suite. */
export function checkRecipientKeys(view: DirectoryView, head: Head, recipients: readonly { readonly leaf: { readonly organ: string; readonly key: string } }[]): Result<null> {
  for (const { leaf } of recipients) {
    const key = organKey(view, leaf.organ, leaf.key, 'encrypt', head.suite, head.created)
    if (!key.ok) return key
  }
  return FINE
}

function publicKeyBytes(text: string): Result<Uint8Array> {
  const bytes = decodeBytes(text)
  return bytes === null ? fail('malformed', 'public key') : ok(bytes)
}
