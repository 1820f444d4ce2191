import { fromBase64url } from '@postroad/gm'
import { buildEvidence, evidenceLogs, MAX_EVIDENCE_BYTES, type SignedManifest, unpackManifest, zipEvidence } from '@postroad/waybill'
import { evidenceAnswer } from '../model.ts'
import { EVIDENCE_FILE } from '../words.ts'
import { fault } from './fault.ts'
import { unwrapAll } from './keys.ts'
import { chunksAt, openedParts } from './parts.ts'
import type { Post } from './post.ts'
import { fetchReceived, fetchSent, query } from './rows.ts'
import type { EvidenceFile, EvidenceOptions } from './types.ts'

/**
 * 导出凭证: one ZIP that proves a delivery offline. Of a sent message with all recipients; with `organ` of what that organ received, with its
 * own delivery only. The manifest goes in opened, so that the sending organ's signature can be verified by anybody with the root's fingerprint.
 */
export async function exportEvidence(post: Post, message: string, options: EvidenceOptions): Promise<EvidenceFile> {
  const base = `/api/documents/${options.organ === undefined ? 'sent' : 'received'}/${encodeURIComponent(message)}`
  const known = await post.client.get(`${base}/evidence${query({ organ: options.organ })}`, evidenceAnswer)
  post.directory.expire() // receipts may lean on what was stated a moment ago
  const { view } = await post.directory.current()
  const { signed, contentKey } = await openManifest(post, message, known.manifest, options.organ)
  const chunk = chunksAt(post, (n) => `${base}/chunks/${n}${query({ organ: options.organ })}`)
  const body = options.body === true ? await readAll(openedParts(post, known, signed.manifest, contentKey, chunk)) : null
  contentKey.fill(0)
  const { head, recipients, receipts } = known
  const proved = { head, recipients, receipts, ways: [{ recipients: recipients.map(({ leaf }) => leaf.organ), hops: known.hops }] }
  const files = buildEvidence({
    ...proved,
    created: post.now().toISOString(),
    manifest: signed.cms,
    sealedManifest: fromBase64url(known.manifest),
    logs: evidenceLogs(view, proved),
    ...(body === null ? {} : { body }),
  })
  const { number, title } = signed.manifest.content
  return { fileName: EVIDENCE_FILE(number === '' ? title : number, message.slice(-8)), bytes: zipEvidence(files) }
}

async function openManifest(post: Post, message: string, manifest: string, organ: string | undefined): Promise<{ signed: SignedManifest; contentKey: Uint8Array }> {
  const { head, wrap, own } = organ === undefined
    ? await fetchSent(post, message).then((sent) => ({ head: sent.head, wrap: sent.ownWrap, own: null }))
    : await fetchReceived(post, message, organ).then(({ head: at, slice: { leaf, wrap: sealed } }) => ({ head: at, wrap: { key: leaf.key, wrap: sealed }, own: leaf }))
  const [contentKey = null] = await unwrapAll(post.keys, [wrap])
  if (contentKey === null) throw fault('notDecryptable')
  const opened = unpackManifest(post.suites, { head, manifest: fromBase64url(manifest), contentKey, own })
  if (!opened.ok) throw fault('contentDamaged', { reason: opened.fault.code, detail: opened.fault.detail })
  return { signed: opened.value, contentKey }
}

/** The whole files, in memory: evidence with its body is for documents, not for films. */
async function readAll(parts: ReturnType<typeof openedParts>): Promise<Uint8Array[]> {
  if (parts.reduce((sum, { bytes }) => sum + bytes, 0) > MAX_EVIDENCE_BYTES) throw fault('evidenceTooLarge')
  const files: Uint8Array[] = []
  for (const part of parts) {
    const file = new Uint8Array(part.bytes)
    let at = 0
    for await (const piece of part.read()) {
      file.set(piece, at)
      at += piece.length
    }
    files.push(file)
  }
  return files
}
