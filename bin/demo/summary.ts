import { columns, bold, clockTime, green, pad, print, quiet, red, table } from '../print.ts'
import { RECEIPTS } from '@postroad/documents/words'
import type { DirectoryView, SignedReceipt } from '@postroad/waybill'
import type { Journey } from './driver.ts'
import { NETWORK, NOTICE } from './network.ts'
import { firstKeySecret, firstSignIns, PEOPLE } from './people.ts'
import type { Proof } from './proof.ts'
import type { DemoState } from './state.ts'

const heading = (words: string): void => print(`\n${bold(words)}\n${quiet('─'.repeat(Math.min(columns(words), 60)))}`)

/** What happened to the notice, receipt by receipt, and what the verifier says of the proof. */
export async function printTimeline(journey: Journey, proof: Proof): Promise<void> {
  const { view } = await journey.sender.directory()
  const tracked = await journey.sender.track(journey.notice)
  const receipts = [...tracked.receipts, ...tracked.deliveries.flatMap((delivery) => delivery.receipts)]
  const once = [...new Map(receipts.map((signed) => [signed.receipt.id, signed])).values()].sort((a, b) => (a.receipt.at < b.receipt.at ? -1 : 1))
  heading(`回执时间线　${NOTICE.number}　${NOTICE.title}`)
  print(table(once.map((signed) => lineOf(view, signed))))
  heading('离线核验　postroad verify')
  print(proof.printed.trimEnd().split('\n').map((line) => `  ${line}`).join('\n'))
  print(`  ${proof.exitCode === 0 ? green('凭证核验通过') : red('凭证核验没有通过')}（退出码 ${proof.exitCode}）　${quiet(proof.file)}`)
}

function lineOf(view: DirectoryView, { receipt }: SignedReceipt): string[] {
  const organ = (id: string | null): string => (id === null ? '' : `${view.organ(id)?.regionTitle ?? ''} · ${view.organ(id)?.title ?? id}`)
  const { actor } = receipt
  const by = actor === null ? (view.node(receipt.node)?.title ?? receipt.node) : `${organ(actor.organ)} ${actor.name}${actor.onBehalfOf === null ? '' : `（代${organ(actor.onBehalfOf)}签收）`}`
  return [clockTime(receipt.at), RECEIPTS[receipt.kind], pad(organ(receipt.recipient), 0) || '整件', by]
}

/** Where the desks are. */
export function printAddresses(state: DemoState): void {
  heading('工作台地址（只在本机）')
  print(table(NETWORK.map((node) => [node.title, `http://localhost:${state.ports[node.id]?.desk ?? 0}`, quiet(node.organs.map(({ title }) => title).join('、'))])))
}

/** One-time sign-in details of the people whom the driver did not use, as far as they are still good. */
export function printDoors(home: string, state: DemoState): void {
  heading('首次登录（一次性启用码，登录时自设密码；密钥口令用于开启单位密钥）')
  const rows = NETWORK.flatMap((node) => {
    const first = new Map(firstSignIns(home, node.id).map((each) => [each.person, each]))
    return PEOPLE.filter((person) => person.node === node.id && state.credentials[person.id] === undefined).map((person) => {
      const entry = first.get(person.id)
      return [node.title, `${person.organ.region.title} · ${person.organ.title}`, `${person.name}（${person.post}）`, entry?.account ?? person.id, entry?.code ?? '', firstKeySecret(home, person) ?? '—']
    })
  })
  print(table([['节点', '单位', '姓名（岗位）', '账号', '启用码', '密钥口令'].map(quiet), ...rows]))
  print(quiet('  启用码用过一次即失效；已登录过的人请用自设的密码和那台设备。'))
}
