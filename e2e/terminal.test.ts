import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { runJourney } from '@postroad/bin/demo/driver'
import { CAST, NOTICE } from '@postroad/bin/demo/network'
import type { Network } from '@postroad/bin/demo/network-up'
import { nodeHomeOf, openSession, openTerminal } from '@postroad/bin/demo/people'
import { startNodeProcess } from '@postroad/bin/demo/processes'
import { verifyByCommand, verifyEvidenceFile } from '@postroad/bin/demo/proof'
import { type DemoState, loadState } from '@postroad/bin/demo/state'
import type { Draft, Terminal } from '@postroad/documents/terminal'
import { suites } from '@postroad/gm/node'
import { unzipEvidence, verifyEvidence } from '@postroad/waybill'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type RunningNodes, startNodes } from './network.ts'

let nodes: RunningNodes
let home: string
let state: DemoState
let network: Network
const open = (person: string): Promise<Terminal> => openTerminal(home, state, person)

beforeAll(async () => {
  nodes = await startNodes()
  ;({ home, state, network } = nodes)
})
afterAll(async () => {
  await nodes?.stop()
})

/** A document of the province's government to the county's education bureau, the farthest way there is. */
const letter = (title: string, extra: Partial<Draft> = {}): Draft => ({
  clientId: crypto.randomUUID(), name: 'jiangyuan.government.office', title, number: '江政办〔2026〕7号', printedTo: '望川县教育局', printedCc: '',
  recipients: [{ organ: 'wangchuan.education', name: 'wangchuan.education.bureau', role: 'to' }], urgency: 'normal', label: 0, files: [], ...extra,
})
const until = async <T>(look: () => Promise<T | undefined | false>): Promise<T> => {
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
const arrived = (terminal: Terminal, message: string) => until(async () => (await terminal.listReceived({ view: 'all' })).items.find((item) => item.message === message))
const stateOf = async (sender: Terminal, message: string): Promise<string | undefined> => (await sender.track(message)).deliveries[0]?.state

describe('a network of node processes, used through the terminal', () => {
  it('carries a document down, lets six sign, one on behalf of another, and brings the answer; the proof verifies offline', async () => {
    const journey = await runJourney(home, state, () => undefined)
    const { deliveries } = await journey.sender.track(journey.notice)
    expect(deliveries.map((delivery) => delivery.state)).toEqual(Array<string>(6).fill('signedFor'))
    const behalf = deliveries.find(({ organ }) => organ === NOTICE.onBehalfOf)?.receipts.find(({ receipt }) => receipt.kind === 'signedFor')
    expect(behalf?.receipt.actor).toMatchObject({ person: CAST.deputy, organ: 'wangchuan.party', onBehalfOf: NOTICE.onBehalfOf })
    const proof = await verifyEvidenceFile(join(home, 'evidence'), journey)
    expect(proof.exitCode, proof.printed).toBe(0)
    const otherRoot = journey.anchor.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'))
    expect((await verifyByCommand(proof.file, otherRoot)).exitCode).toBe(1)
  })

  it('finds every file of the evidence that was touched', async () => {
    const sender = await open(CAST.sender)
    const { bytes } = await sender.exportEvidence(state.notice ?? '', { body: true })
    const files = unzipEvidence(bytes)
    if (!files.ok) throw new Error(files.fault.code)
    const { anchor } = await sender.directory()
    expect(verifyEvidence(suites, files.value, anchor).verdict).toBe('valid')
    expect(Object.keys(files.value)).toContain('body/000')
    for (const [name, content] of Object.entries(files.value)) {
      if (name === 'README.txt') continue
      const touched = content.slice()
      const at = Math.floor(touched.length / 2)
      touched[at] = (touched[at] ?? 0) ^ 1
      expect([name, verifyEvidence(suites, { ...files.value, [name]: touched }, anchor).verdict === 'valid']).toEqual([name, false])
    }
  })

  it('gives a recipient evidence of its own delivery and of nobody else’s', async () => {
    const reader = await open('wc-linzhou')
    const { bytes } = await reader.exportEvidence(state.notice ?? '', { organ: 'wangchuan.party' })
    const files = unzipEvidence(bytes)
    if (!files.ok) throw new Error(files.fault.code)
    const { verdict, summary } = verifyEvidence(suites, files.value, (await reader.directory()).anchor)
    expect(verdict).toBe('valid')
    expect(summary.recipients.map(({ organ, state: reached }) => [organ, reached])).toEqual([['wangchuan.party', 'signedFor']])
  })

  it('goes on where it stopped when it is started again', async () => {
    const before = { notice: state.notice, report: state.report }
    const again = loadState(home)
    const journey = await runJourney(home, again, () => undefined)
    expect({ notice: journey.notice, report: journey.report }).toEqual(before)
  })

  it('carries a large attachment in chunks, byte for byte', async () => {
    const [sender, reader] = [await open('jy-fangqing'), await open('we-zhuqiao')]
    const content = randomBytes(3_000_000)
    const phases = new Set<string>()
    const file = { name: '附件.bin', mediaType: 'application/octet-stream', bytes: content.length, stream: () => new Blob([content]).stream() as ReadableStream<Uint8Array> }
    const { message } = await sender.dispatch(letter('关于报送影像资料的函', { files: [file] }), { onProgress: ({ phase }) => phases.add(phase) })
    expect([...phases]).toEqual(['measuring', 'sending', 'signing', 'submitting'])
    await arrived(reader, message)
    const opened = await reader.openReceived(message)
    expect(opened.verdict).toBe('valid')
    const pieces: Uint8Array[] = []
    for await (const piece of opened.parts[0]?.read() ?? []) pieces.push(piece)
    expect(Buffer.compare(Buffer.concat(pieces), content)).toBe(0)
  })

  it('recalls what nobody has signed for, and not what somebody has', async () => {
    const [sender, reader] = [await open('jy-fangqing'), await open('we-zhuqiao')]
    const early = (await sender.dispatch(letter('先撤回的函'))).message
    await arrived(reader, early)
    await sender.requestRecall(early, '附件有误')
    await until(async () => (await stateOf(sender, early)) === 'recalled')
    await expect(reader.signFor(early)).rejects.toMatchObject({ status: 409 })

    const late = (await sender.dispatch(letter('已签收的函'))).message
    await arrived(reader, late)
    await reader.signFor(late)
    await sender.requestRecall(late, '附件有误').catch((thrown: unknown) => expect(thrown).toMatchObject({ code: 'terminal.recipientsEmpty' }))
    await until(async () => (await stateOf(sender, late)) === 'signedFor')
  })

  it('returns at the door and after 签收, always with a reason; notices go to the same recipients', async () => {
    const [sender, reader] = [await open('jy-fangqing'), await open('we-zhuqiao')]
    const { message } = await sender.dispatch(letter('缺附件的函'))
    await arrived(reader, message)
    await reader.signFor(message)
    await expect(reader.returnDocument(message, { code: 'incomplete', text: ' ' })).rejects.toMatchObject({ code: 'terminal.reasonMissing' })
    await reader.returnDocument(message, { code: 'incomplete', text: '缺附件2' })
    await until(async () => (await stateOf(sender, message)) === 'returned')
    const notice = await sender.correct(message, { title: '更正通知', text: '附件2补发' })
    const got = await arrived(reader, notice.message)
    expect([got.head.kind, got.head.regarding, got.head.thread, got.head.ordinal]).toEqual(['correctionNotice', message, message, 1])
    expect((await reader.openReceived(notice.message)).manifest?.content.note).toBe('附件2补发')
  })

  it('sends once when 封发 is pressed twice', async () => {
    const sender = await open('jy-fangqing')
    const draft = letter('只发一次的函')
    const first = await sender.dispatch(draft)
    await expect(sender.dispatch(draft)).rejects.toMatchObject({ status: 409 })
    const { items } = await sender.listSent()
    expect(items.filter(({ content }) => content?.title === draft.title).map(({ message }) => message)).toEqual([first.message])
  })

  it('takes in what newly arrived page by page, verified, acknowledged and once', async () => {
    const [sender, reader] = [await open('jy-fangqing'), await open('we-zhuqiao')]
    const file = (name: string) => ({ name, mediaType: 'text/plain', bytes: 12, stream: () => new Blob(['正文正文']).stream() as ReadableStream<Uint8Array> })
    const sent = await Promise.all(['一', '二', '三', '四', '五'].map((which) => sender.dispatch(letter(`一并发出之${which}`, { files: [file(`${which}.txt`)] }))))
    const mine = new Set(sent.map(({ message }) => message))
    for (const message of mine) await arrived(reader, message)
    const taken: string[] = []
    for (let after: string | undefined; ; ) {
      const page = await reader.collect({ limit: 2, ...(after === undefined ? {} : { after }) })
      for (const { row, verdict, parts, manifest } of page.items.filter((item) => mine.has(item.row.message))) {
        expect([verdict, manifest?.content.title.slice(0, 4), parts.length]).toEqual(['valid', '一并发出', 1])
        for await (const piece of parts[0]?.read() ?? []) expect(new TextDecoder().decode(piece)).toBe('正文正文')
        taken.push(row.message)
      }
      if (page.next === null) break
      after = page.next
    }
    expect(taken.toSorted()).toEqual([...mine].toSorted())
    expect((await reader.collect()).items.filter(({ row }) => mine.has(row.message))).toEqual([])
    for (const message of mine) await until(async () => (await stateOf(sender, message)) === 'delivered')
  })

  it('lets a deputy see that something waits and nothing of what it says', async () => {
    const sender = await open('jy-fangqing')
    const recipients = [{ organ: 'wangchuan.cppcc', name: 'wangchuan.cppcc.office', role: 'to' as const }]
    const { message } = await sender.dispatch(letter('给县政协的函', { recipients, files: [{ name: '正文.txt', mediaType: 'text/plain', bytes: 4, stream: () => new Blob(['密件']).slice(0, 4).stream() as ReadableStream<Uint8Array> }] }))
    const deputy = await open(CAST.deputy)
    const row = await arrived(deputy, message)
    expect([row.deputised, row.content, row.sealed, row.manifest]).toEqual([true, null, 'notOurs', ''])
    const opened = await deputy.openReceived(message, 'wangchuan.cppcc')
    expect([opened.verdict, opened.manifest, opened.parts]).toEqual(['indeterminate', null, []])
    const { client } = await openSession(home, state, CAST.deputy)
    expect((await client.raw(`/api/documents/received/${message}/chunks/0?organ=wangchuan.cppcc`, { method: 'GET' })).status).toBe(404)
    // Somebody of the deputy organ without the duty sees nothing at all.
    const colleague = await open('wc-linzhou')
    expect((await colleague.listReceived({ view: 'all' })).items.some((item) => item.message === message)).toBe(false)
    await expect(colleague.signFor(message, { onBehalfOf: 'wangchuan.cppcc' })).rejects.toMatchObject({ status: 404 })
  })

  it('answers 404 for what belongs to others, in every route, and writes it down', async () => {
    const sender = await open('jy-fangqing')
    const { message } = await sender.dispatch(letter('别人的函'))
    const { client } = await openSession(home, state, 'jy-luming')
    const foreign = ['sent/ID', 'sent/ID/track', 'sent/ID/chunks/0', 'sent/ID/evidence', 'received/ID', 'received/ID/chunks/0', 'received/ID/evidence', `received/ID?organ=jiangyuan.government`]
    for (const route of foreign) expect([route, (await client.raw(`/api/documents/${route.replace('ID', message)}`, { method: 'GET' })).status]).toEqual([route, 404])
    const auditor = await openSession(home, state, 'jy-heping')
    const records = await auditor.client.get('/api/ledger/records?act=documents.notFound&actor=jy-luming&limit=200', z.object({ records: z.array(z.unknown()) }))
    expect(records.records.length).toBeGreaterThan(0)
    // An auditor sees the ledger and no document.
    expect((await auditor.client.raw('/api/documents/received', { method: 'GET' })).status).toBe(403)
  })

  it('refuses a receipt in somebody else’s name', async () => {
    const [sender, reader] = [await open('jy-fangqing'), await open('we-zhuqiao')]
    const { message } = await sender.dispatch(letter('冒名签收的函'))
    await arrived(reader, message)
    const signed = await reader.signFor(message)
    const { client } = await openSession(home, state, 'we-luxia')
    const answer = await client.raw('/api/documents/received/receipts', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ receipts: [signed] }) })
    expect([answer.status, (await client.refusal(answer)).code]).toEqual([403, 'documents.actorNotYou'])
  })

  it('loses nothing when the county’s node is killed while documents are on their way', async () => {
    const [sender, reader] = [await open('jy-fangqing'), await open('we-zhuqiao')]
    const sent: string[] = []
    for (let i = 0; i < 4; i++) sent.push((await sender.dispatch(letter(`途中断电之${i + 1}`))).message)
    const at = network.nodes.findIndex(({ id }) => id === 'wangchuan')
    await network.nodes[at]?.kill('SIGKILL')
    for (let i = 4; i < 8; i++) sent.push((await sender.dispatch(letter(`途中断电之${i + 1}`))).message)
    const ports = state.ports['wangchuan'] ?? { desk: 0, road: 0 }
    const own = nodeHomeOf(home, 'wangchuan')
    network.nodes[at] = await startNodeProcess({ id: 'wangchuan', home: own, deskPort: ports.desk, roadPort: ports.road, bootstrap: join(own, 'bootstrap.json') })
    for (const message of sent) await arrived(reader, message)
    const { items } = await reader.listReceived({ view: 'waiting', limit: 100 })
    expect(sent.map((message) => items.filter((item) => item.message === message).length)).toEqual(Array<number>(8).fill(1))
  })
})
