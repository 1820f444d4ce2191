import { readFileSync } from 'node:fs'
import { ROLES, SENT_STATES } from '@postroad/documents/words'
import { suites } from '@postroad/gm/node'
import { type EvidenceResult, type EvidenceSummary, FAULT_WORDS, STEP_WORDS, stepSentence, unzipEvidence, VERDICT_WORDS, verifyEvidence } from '@postroad/waybill'
import { readArguments, UsageFault } from '../options.ts'
import { amber, bold, clockTime, green, print, quiet, red, table } from '../print.ts'

const EXIT = { valid: 0, invalid: 1, indeterminate: 2 } as const
const PAINT = { valid: green, invalid: red, indeterminate: amber, notIncluded: quiet } as const
const MARK = { valid: '✓', invalid: '✗', indeterminate: '?', notIncluded: '-' } as const

type Judged = Omit<EvidenceResult, 'summary'> & { readonly summary: EvidenceSummary | null }

/** `postroad verify FILE.zip --anchor FINGERPRINT`: judges evidence with nothing but the file and the pinned root. */
export async function run(args: readonly string[]): Promise<number> {
  const { flags, words } = readArguments(args, { anchor: 'string', json: 'boolean' })
  const [file, ...more] = words
  if (file === undefined || more.length > 0) throw new UsageFault('请指明一个凭证文件')
  if (flags.anchor === undefined) throw new UsageFault('请用 --anchor 指明所信任的根指纹（64 位十六进制；向网络中心当面核对，不要取自凭证）')
  const anchor = flags.anchor.toLowerCase().replace(/[\s:-]/g, '')
  if (!/^[0-9a-f]{64}$/.test(anchor)) throw new UsageFault('根指纹应为 64 位十六进制')
  const judged = judge(readFileSync(file), anchor)
  if (flags.json) print(JSON.stringify(judged, null, 2))
  else show(judged)
  return EXIT[judged.verdict]
}

function judge(bytes: Uint8Array, anchor: string): Judged {
  const files = unzipEvidence(bytes)
  if (files.ok) return verifyEvidence(suites, files.value, anchor)
  return { verdict: 'invalid', steps: [{ step: 'structure', verdict: 'invalid', reason: files.fault.code, detail: files.fault.detail }], summary: null }
}

function show({ verdict, steps, summary }: Judged): void {
  print(table(steps.map((step) => {
    const isFine = step.verdict === 'valid' || step.verdict === 'notIncluded'
    const detail = step.detail === '' || isFine ? '' : `（${step.detail}）`
    return [PAINT[step.verdict](MARK[step.verdict]), STEP_WORDS[step.step], `${stepSentence(step)}${detail}${isFine ? '' : `   [${step.reason in FAULT_WORDS ? 'waybill' : 'verify'}.${step.reason}]`}`]
  })))
  if (summary !== null && verdict !== 'invalid') summarise(summary)
  print(`\n  ${bold('结论')}：${PAINT[verdict](VERDICT_WORDS[verdict])}   [verify.${verdict}]`)
}

/** What is proved, in a clerk's words. Nothing of an invalid file is repeated. */
function summarise({ title, number, sender, created, recipients }: EvidenceSummary): void {
  print(`\n  ${bold(title)}`)
  print(`  ${[number, `${sender.title}（${sender.nameTitle}）`, clockTime(created)].filter((words) => words !== '').join('　')}`)
  print(table(recipients.map(({ role, title: organ, nameTitle, state, at, actor, actorTitle }) => [
    ROLES[role], `${organ}（${nameTitle}）`, SENT_STATES[state], at === null ? '' : clockTime(at), actor === null ? '' : `${actor.name}${actor.onBehalfOf === null ? '' : `（${actorTitle || actor.organ}代收）`}`,
  ]), '    '))
}
