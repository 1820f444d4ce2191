import { type DirectoryView, makeReceipt, type Receipt, type SignedReceipt } from '@postroad/waybill'
import { type OrganReceipt, type ReceivedRow, receiptsAnswer } from '../model.ts'
import { fault, TerminalFault } from './fault.ts'
import type { Post } from './post.ts'
import { fetchReceived } from './rows.ts'

/** 签收; with `onBehalfOf` 代收: the receipt then names the person, the post, the deputy organ, and for whom. */
export async function signFor(post: Post, message: string, onBehalfOf: string | undefined): Promise<SignedReceipt> {
  return issueReceipt(post, await fetchReceived(post, message, onBehalfOf ?? post.actor().organ), 'signedFor', null)
}

/** 登记, after 签收; `organ` is whom it was sent to, where the acting organ took over from it. */
export async function register(post: Post, message: string, organ?: string): Promise<SignedReceipt> {
  return issueReceipt(post, await fetchReceived(post, message, organ ?? post.actor().organ), 'registered', null)
}

/** 退文, at the door or after 签收 (初审); the reason travels with the receipt. */
export async function returnDocument(post: Post, message: string, reason: NonNullable<Receipt['reason']>, organ?: string): Promise<SignedReceipt> {
  if (reason.text.trim() === '') throw fault('reasonMissing')
  return issueReceipt(post, await fetchReceived(post, message, organ ?? post.actor().organ), 'returned', reason)
}

/** Makes a receipt about a delivery, has it sealed with the acting organ's key, and hands it to the node, which decides whether it may stand. */
export async function issueReceipt(post: Post, row: ReceivedRow, kind: OrganReceipt, reason: Receipt['reason']): Promise<SignedReceipt> {
  const [signed] = await issueReceipts(post, [row], kind, reason)
  if (signed === undefined) throw fault('unexpectedAnswer', { path: RECEIPTS })
  return signed
}

/** The same about several deliveries with one signature per suite; all of them stand or none. */
export async function issueReceipts(post: Post, rows: readonly ReceivedRow[], kind: OrganReceipt, reason: Receipt['reason']): Promise<SignedReceipt[]> {
  const { view } = await post.directory.current()
  const signed = await Promise.all([...new Set(rows.map((row) => row.head.suite))].map(async (suite) => {
    const made = rows.filter((row) => row.head.suite === suite).map((row) => receiptOf(post, view, row, kind, reason))
    const seals = await post.keys.use((channel, acting) => channel.signReceipts(acting, suite, made))
    return made.flatMap((receipt, index): SignedReceipt[] => (seals[index] === undefined ? [] : [{ receipt, seal: seals[index] }]))
  }))
  if (signed.flat().length < rows.length) throw fault('unexpectedAnswer', { path: '/api/keys/relay' })
  return rows.length === 0 ? [] : (await post.client.post(RECEIPTS, { receipts: signed.flat() }, receiptsAnswer)).receipts
}

const RECEIPTS = '/api/documents/received/receipts'

function receiptOf(post: Post, view: DirectoryView, row: ReceivedRow, kind: OrganReceipt, reason: Receipt['reason']): Receipt {
  const { person, name, post: held, organ } = post.actor()
  const suite = post.suites[row.head.suite]
  const made = makeReceipt(suite, {
    head: row.head,
    kind,
    recipient: row.organ,
    node: view.organ(row.keeper, post.now().toISOString())?.node ?? '',
    at: post.now().toISOString(),
    directory: view.checkpoint().hash,
    actor: { person, name, post: held, organ, onBehalfOf: row.organ === organ ? null : row.organ },
    reason,
    random: (length) => crypto.getRandomValues(new Uint8Array(length)),
  })
  if (!made.ok) throw new TerminalFault({ code: `waybill.${made.fault.code}`, message: '回执不完整', advice: '请刷新后重新办理。', detail: { detail: made.fault.detail } })
  return made.value
}
