/** `npm run bench -- road|province|shards [--json] [--install-peer] [--quick] [--only part,part]` */
import { parseArgs } from 'node:util'
import { table } from './figure.ts'
import { province } from './province/index.ts'
import { road } from './road/index.ts'
import { shards } from './shards/index.ts'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'boolean', default: false }, 'install-peer': { type: 'boolean', default: false }, quick: { type: 'boolean', default: false }, only: { type: 'string', default: '' } } })

const SUBJECTS = { road, province, shards } as const
const subject = positionals[0] ?? 'road'
if (!(subject in SUBJECTS)) {
  process.stderr.write(`unknown subject “${subject}”; there is: ${Object.keys(SUBJECTS).join(', ')}\n`)
  process.exit(2)
}
const figures = await SUBJECTS[subject as keyof typeof SUBJECTS]({ installPeer: values['install-peer'], quick: values.quick, only: values.only.split(',').filter((part) => part !== ''), tell: (line) => process.stderr.write(`${line}\n`) })
process.stdout.write(values.json ? `${JSON.stringify(figures, null, 2)}\n` : `${table(figures)}\n`)
process.exit(0)
