import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bootstrapSchema } from '@postroad/directory/model'
import { afterAll, describe, expect, it } from 'vitest'
import { writeBootstrap } from './bootstrap.ts'
import { CAST, type DemoNode, NETWORK, NOTICE, REPORT } from './network.ts'
import { PEOPLE, personOf } from './people.ts'
import { deleteDemoHome, loadState, prepareDemoHome, saveState } from './state.ts'

const folder = mkdtempSync(join(tmpdir(), 'postroad-state-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the demo’s home', () => {
  it('is made, remembered, and deleted again', () => {
    const home = join(folder, 'home')
    prepareDemoHome(home)
    const state = loadState(home)
    saveState(home, { ...state, notice: 'x' })
    expect(loadState(home)).toEqual({ ...state, notice: 'x' })
    expect(statSync(join(home, 'demo.json')).mode & 0o777).toBe(0o600)
    deleteDemoHome(home)
    expect(existsSync(home)).toBe(false)
  })
  it('is never a folder with other people’s things, and --fresh never deletes one', () => {
    const other = join(folder, 'documents')
    mkdirSync(other)
    writeFileSync(join(other, 'letter.txt'), 'dear')
    expect(() => prepareDemoHome(other)).toThrow('不是演示的数据目录')
    deleteDemoHome(other)
    expect(readFileSync(join(other, 'letter.txt'), 'utf8')).toBe('dear')
  })
})

describe('the demo’s settings', () => {
  const write = (node: DemoNode): string => writeBootstrap(join(folder, 'settings', node.id), node, node.parent === null ? null : { node: node.parent, url: 'https://127.0.0.1:1', anchor: 'a'.repeat(64) })
  it('are what a node reads, with the same random join code on both sides and other codes next time', () => {
    const settings = NETWORK.map((node) => bootstrapSchema.parse(JSON.parse(readFileSync(write(node), 'utf8'))))
    for (const { node, parent } of settings) {
      if (parent === null) continue
      expect(settings.find((each) => each.node.id === parent.node)?.invites).toContainEqual({ node: node.id, code: parent.code })
    }
    const [first] = NETWORK
    expect(readFileSync(write(first as DemoNode), 'utf8')).toBe(readFileSync(write(first as DemoNode), 'utf8'))
    const codes = settings.flatMap(({ invites }) => invites.map(({ code }) => code))
    expect(new Set(codes).size).toBe(3)
  })
})

describe('the demo’s world', () => {
  const organs = NETWORK.flatMap((node) => node.organs)
  it('has about twelve organs of all five systems, and namesakes in different regions', () => {
    expect(organs.length).toBeGreaterThanOrEqual(12)
    expect(new Set(organs.map(({ system }) => system)).size).toBe(5)
    const namesakes = organs.filter(({ title }) => title === '县委办公室')
    expect(new Set(namesakes.map(({ region }) => region.id)).size).toBe(2)
  })
  it('sends the notice to two, with four copies to organs of the other systems, and everybody in the cast works where they sign', () => {
    const systems = NOTICE.cc.map(({ organ }) => organs.find(({ id }) => id === organ)?.system)
    expect(new Set(systems)).toEqual(new Set(['government', 'congress', 'cppcc', 'mass']))
    const signing = new Set([...CAST.signers.map((id) => personOf(id).organ.id), NOTICE.onBehalfOf])
    expect(signing).toEqual(new Set([...NOTICE.to, ...NOTICE.cc].map(({ organ }) => organ)))
    expect(organs.find(({ id }) => id === NOTICE.onBehalfOf)?.deputies).toContain(personOf(CAST.deputy).organ.id)
    expect(personOf(REPORT.by).organ.id).toBe(REPORT.organ)
  })
  it('leaves somebody at every node for the newcomer', () => {
    const cast = new Set<string>([CAST.sender, CAST.deputy, ...CAST.signers])
    for (const node of NETWORK) expect(PEOPLE.some((person) => person.node === node.id && person.duties === 'clerk' && !cast.has(person.id))).toBe(true)
  })
})
