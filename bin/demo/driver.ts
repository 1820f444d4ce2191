import { TerminalFault, type Draft, type DraftFile, type Terminal } from '@postroad/documents/terminal'
import { CAST, NOTICE, REPORT } from './network.ts'
import { openTerminal, personOf } from './people.ts'
import { type DemoState, saveState } from './state.ts'

/** Told what happens, in words. */
export type Tell = (words: string) => void
export type Journey = { readonly notice: string; readonly report: string; readonly evidence: { readonly fileName: string; readonly bytes: Uint8Array }; readonly anchor: string; readonly sender: Terminal; readonly answerer: Terminal }

/** How long the longest step may take on a slow machine before the demo says that something is wrong. */
const PATIENCE_MS = 120_000
const LOOK_EVERY_MS = 200

/**
 * The real journey: 通知 down, six sign, one by 代收, 报告 back. Every step looks first whether it was done before, so that a demo
 * stopped anywhere goes on there.
 */
export async function runJourney(home: string, state: DemoState, tell: Tell): Promise<Journey> {
  const sender = await openTerminal(home, state, CAST.sender)
  const notice = await sendNotice(home, state, sender, tell)
  const signers = new Map<string, Terminal>()
  for (const id of CAST.signers) signers.set(id, await openTerminal(home, state, id))
  await Promise.all(CAST.signers.map((id) => signAs(signers.get(id) as Terminal, id, notice, tell)))
  await signOnBehalf(await openTerminal(home, state, CAST.deputy), notice, tell)
  await untilSigned(sender, notice)
  tell('省委办公厅：六个收件单位全部签收，回执已逐站返回')
  const answerer = signers.get(REPORT.by) as Terminal
  const report = await sendReport(home, state, answerer, notice, tell)
  await arrival(sender, report)
  tell(`省委办公厅：收到县委的报告，核验通过，等待签收（留给您试一试）`)
  const evidence = await sender.exportEvidence(notice)
  return { notice, report, evidence, anchor: (await sender.directory()).anchor, sender, answerer }
}

async function sendNotice(home: string, state: DemoState, sender: Terminal, tell: Tell): Promise<string> {
  if (state.notice !== null) return state.notice
  await untilReachable(sender, [...NOTICE.to, ...NOTICE.cc].map(({ organ }) => organ))
  const draft: Draft = {
    clientId: state.drafts.notice,
    name: NOTICE.name, title: NOTICE.title, number: NOTICE.number, printedTo: NOTICE.printedTo, printedCc: NOTICE.printedCc,
    recipients: [...NOTICE.to.map((to) => ({ ...to, role: 'to' as const })), ...NOTICE.cc.map((cc) => ({ ...cc, role: 'cc' as const }))],
    urgency: 'urgent', label: 1, files: [textFile('通知正文.txt', NOTICE.text)],
  }
  state.notice = await dispatchOnce(sender, draft)
  saveState(home, state)
  tell(`省委办公厅 ${personOf(CAST.sender).name}：以“中共江源省委”名义封发${NOTICE.number}，主送 2 个单位，抄送 4 个单位`)
  return state.notice
}

async function sendReport(home: string, state: DemoState, answerer: Terminal, notice: string, tell: Tell): Promise<string> {
  if (state.report !== null) return state.report
  const { row } = await answerer.openReceived(notice)
  const draft: Draft = {
    clientId: state.drafts.report,
    name: REPORT.name, title: REPORT.title, number: REPORT.number, printedTo: REPORT.printedTo, printedCc: '',
    recipients: REPORT.to.map((to) => ({ ...to, role: 'to' as const })),
    urgency: 'normal', label: 1, regarding: { message: notice, thread: row.head.thread }, files: [textFile('报告正文.txt', REPORT.text)],
  }
  state.report = await dispatchOnce(answerer, draft)
  saveState(home, state)
  tell(`县委办公室 ${personOf(REPORT.by).name}：以“中共望川县委”名义报送${REPORT.number}，答复上文`)
  return state.report
}

/** Dispatches, or finds what an earlier start dispatched under this client id just before it was stopped. */
async function dispatchOnce(terminal: Terminal, draft: Draft): Promise<string> {
  try {
    return (await terminal.dispatch(draft)).message
  } catch (thrown) {
    if (!(thrown instanceof TerminalFault) || thrown.status !== 409) throw thrown
    const { items } = await terminal.listSent()
    const before = items.find(({ content }) => content?.number === draft.number)
    if (before === undefined) throw thrown
    return before.message
  }
}

/** Opens, verifies and signs as one of the recipients. */
async function signAs(terminal: Terminal, id: string, notice: string, tell: Tell): Promise<void> {
  const person = personOf(id)
  const state = await arrival(terminal, notice)
  if (state !== 'arrived' && state !== 'delivered') return
  const opened = await terminal.openReceived(notice)
  if (opened.verdict !== 'valid') throw new Error(`${person.organ.title} 核验没有通过：${opened.steps.filter(({ verdict }) => verdict !== 'valid').map(({ text }) => text).join('；')}`)
  for (const part of opened.parts) for await (const _ of part.read()) continue
  await terminal.signFor(notice)
  tell(`${person.organ.region.title} · ${person.organ.title} ${person.name}：五项核验通过，已签收`)
}

async function signOnBehalf(terminal: Terminal, notice: string, tell: Tell): Promise<void> {
  const find = async () => (await terminal.listReceived({ view: 'all' })).items.find(({ message, organ }) => message === notice && organ === NOTICE.onBehalfOf)
  const row = await until(find, `代收件没有到达 ${NOTICE.onBehalfOf}`)
  if (row.state !== 'arrived' && row.state !== 'delivered') return
  await terminal.signFor(notice, { onBehalfOf: NOTICE.onBehalfOf })
  tell(`县委办公室 ${personOf(CAST.deputy).name}（${personOf(CAST.deputy).post}）：为县政协办公室代收，内容未打开`)
}

/** Waits until the message lies in the organ's own inbox, and answers its state. */
async function arrival(terminal: Terminal, message: string): Promise<string> {
  const found = await until(async () => (await terminal.listReceived({ view: 'all' })).items.find((item) => item.message === message && !item.deputised), `公文 ${message} 没有到达`)
  return found.state
}

async function untilSigned(sender: Terminal, notice: string): Promise<void> {
  await until(async () => {
    const { deliveries } = await sender.track(notice)
    return deliveries.every(({ state }) => state === 'signedFor' || state === 'registered') || undefined
  }, '回执没有全部返回')
}

/** A new network needs some seconds until every node knows every organ's keys. */
async function untilReachable(sender: Terminal, organs: readonly string[]): Promise<void> {
  await until(async () => {
    const { view } = await sender.directory()
    return organs.every((organ) => view.keysOf(organ, 'encrypt', 'SM', new Date().toISOString()).length > 0) || undefined
  }, '通讯录没有传遍全网')
}

async function until<T>(look: () => Promise<T | undefined>, complaint: string): Promise<T> {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; ) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
  throw new Error(`等了 ${PATIENCE_MS / 1000} 秒：${complaint}`)
}

function textFile(name: string, text: string): DraftFile {
  const blob = new Blob([text], { type: 'text/plain;charset=utf-8' })
  return { name, mediaType: blob.type, bytes: blob.size, stream: () => blob.stream() as ReadableStream<Uint8Array> }
}
