import type { MessageKind } from '@postroad/waybill'
import { isOpen } from '../model.ts'
import { noticeTitle } from '../words.ts'
import { dispatchDraft } from './dispatch.ts'
import type { Post } from './post.ts'
import { fetchSent } from './rows.ts'
import { board, openSent } from './sent.ts'
import type { Addressee, Dispatched, DraftFile } from './types.ts'

/** A notice about an earlier message: it goes in the same thread, under the same name, to those the earlier one went to. */
type Notice = { readonly kind: MessageKind; readonly message: string; readonly title: string | null; readonly note: string; readonly files: readonly DraftFile[]; readonly to: readonly Addressee[] }

/** 撤回申请 to all who have neither signed nor ended; the destination answers. */
export async function requestRecall(post: Post, message: string, reason: string): Promise<Dispatched> {
  const open = (await board(post, message)).filter(({ state }) => isOpen(state))
  return send(post, { kind: 'recallRequest', message, title: null, note: reason, files: [], to: open })
}

/** 更正通知 to all recipients; confirmed by their 签收 like any other document. */
export async function correct(post: Post, message: string, notice: { readonly title: string; readonly text: string; readonly files?: readonly DraftFile[] }): Promise<Dispatched> {
  return send(post, { kind: 'correctionNotice', message, title: notice.title, note: notice.text, files: notice.files ?? [], to: await recipientsOf(post, message) })
}

/** 作废通知 to all recipients. */
export async function voidDocument(post: Post, message: string, reason: string): Promise<Dispatched> {
  return send(post, { kind: 'voidNotice', message, title: null, note: reason, files: [], to: await recipientsOf(post, message) })
}

const recipientsOf = async (post: Post, message: string): Promise<Addressee[]> => (await fetchSent(post, message)).recipients.map(({ leaf }) => ({ organ: leaf.organ, name: leaf.name, role: leaf.role }))

async function send(post: Post, notice: Notice): Promise<Dispatched> {
  const { row, manifest } = await openSent(post, notice.message)
  const about = manifest?.content
  const held = (await post.directory.current()).view.namesOf(post.actor().organ, post.now().toISOString()) // an heir speaks under its own name
  return dispatchDraft(post, {
    clientId: crypto.randomUUID(),
    kind: notice.kind,
    name: held.some(({ name }) => name === row.head.sender.name) ? row.head.sender.name : (held[0]?.name ?? row.head.sender.name),
    title: notice.title ?? noticeTitle(notice.kind, about?.title ?? ''),
    number: about?.number ?? '',
    printedTo: about?.printedTo ?? '',
    printedCc: about?.printedCc ?? '',
    note: notice.note,
    recipients: notice.to.map(({ organ, name, role }) => ({ organ, name, role })),
    urgency: row.head.urgency,
    label: row.head.label,
    regarding: { message: notice.message, thread: row.head.thread },
    files: notice.files,
  })
}
