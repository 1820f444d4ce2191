import { readFileSync } from 'node:fs'
import { type Bootstrap, bootstrapSchema } from '@postroad/directory/model'
import type { JoinCode } from '@postroad/directory/service'
import { UsageFault } from '../options.ts'
import { writePrivate, bootstrapPath } from '../settings.ts'
import type { Ask } from './questions.ts'

/** What an invitation says of the node, or what the operator says where it does not. */
export type Place = Omit<Bootstrap['node'], 'id' | 'endpoint'>
export type Given = Readonly<Record<'organ' | 'organ-id' | 'system' | 'issuing-name' | 'code-word' | 'clerk' | 'operator' | 'organs', string | undefined>>

const ID = /^[a-z0-9][a-z0-9.-]{0,62}$/
const SYSTEMS = { 党委: 'party', 政府: 'government', 人大: 'congress', 政协: 'cppcc', 群团: 'mass' } as const
const isSystem = (answer: string): answer is keyof typeof SYSTEMS => Object.hasOwn(SYSTEMS, answer)
const CLERK = ['documents.read', 'documents.send', 'documents.sign']
const OPERATOR = ['console.watch', 'directory.admit', 'identity.manage']

/** Whoever works at the node first: from a file with `organs` and `people`, or one office with a clerk and an operator. */
export async function askOrgans(ask: Ask, given: Given, code: JoinCode, place: Place): Promise<Pick<Bootstrap, 'organs' | 'people'>> {
  if (given.organs !== undefined) {
    const { organs, people } = bootstrapSchema.pick({ organs: true, people: true }).parse(JSON.parse(readFileSync(given.organs, 'utf8')))
    return { organs, people }
  }
  const title = await ask({ flag: 'organ', words: '首个单位名称', usual: place.title }, given.organ)
  const id = await ask({ flag: 'organ-id', words: '单位标识（小写字母、数字、点、短横，全网唯一）', usual: `${code.node}.office`, fault: (answer) => (ID.test(answer) ? null : '只能用小写字母、数字、点和短横') }, given['organ-id'])
  const system = await ask({ flag: 'system', words: `所属系统（${Object.keys(SYSTEMS).join('、')}）`, usual: '政府', fault: (answer) => (isSystem(answer) ? null : `只能是${Object.keys(SYSTEMS).join('、')}之一`) }, given.system)
  if (!isSystem(system)) throw new UsageFault('所属系统不对')
  const name = await ask({ flag: 'issuing-name', words: '发文名义', usual: title }, given['issuing-name'])
  const word = await ask({ flag: 'code-word', words: '机关代字', usual: '—' }, given['code-word'])
  const clerk = await ask({ flag: 'clerk', words: '文书姓名' }, given.clerk)
  const operator = await ask({ flag: 'operator', words: '系统管理员姓名' }, given.operator)
  const person = (account: string, called: string, post: string, duties: readonly string[]): Bootstrap['people'][number] =>
    ({ id: `${code.node}-${account}`, name: called, posts: [{ id: `${code.node}-${account}.post`, organ: id, title: post, duties: [...duties] }], clearance: place.maxLabel })
  return {
    organs: [{ id, title, system: SYSTEMS[system], region: place.region, regionTitle: place.regionTitle, names: [{ id: `${id}.name`.slice(0, 63), title: name, code: word === '—' ? '' : word }], deputies: [] }],
    people: [person('clerk', clerk, '文书', CLERK), person('operator', operator, '系统管理员', OPERATOR)],
  }
}

/** Writes the first-start settings of a node that joins with a code; an endpoint where others reach it under another address than it listens on. */
export function writeFirstStart(home: string, code: JoinCode, place: Place, endpoint: string | undefined, who: Pick<Bootstrap, 'organs' | 'people'>): void {
  const { title, level, region, regionTitle, maxLabel } = place
  const settings = bootstrapSchema.parse({
    node: { id: code.node, title, level, region, regionTitle, maxLabel, ...(endpoint === undefined ? {} : { endpoint }) },
    parent: { node: code.parent, url: code.url, code: code.secret, anchor: code.anchor }, ...who,
  })
  writePrivate(home, bootstrapPath(home), `${JSON.stringify(settings, null, 2)}\n`)
}

/** A new code for a node that is set up already and has not joined: the rest stays as it was. */
export function replaceCode(home: string, code: JoinCode): void {
  const settings = bootstrapSchema.parse(JSON.parse(readFileSync(bootstrapPath(home), 'utf8')))
  if (settings.node.id !== code.node) throw new UsageFault(`${home} 里是节点 ${settings.node.id}，加入码是给 ${code.node} 的（用 --home 另选目录）`)
  writePrivate(home, bootstrapPath(home), `${JSON.stringify({ ...settings, parent: { node: code.parent, url: code.url, code: code.secret, anchor: code.anchor } }, null, 2)}\n`)
}
