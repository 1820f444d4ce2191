import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { service } from './principal.ts'
import { authenticate } from './seams.ts'
import { type TestNode, personOf, testNode } from './testing.ts'

let running: TestNode
beforeAll(async () => {
  running = await testNode([], { listen: true })
  const people = { zhang: personOf('zhang', ['js.dw']), li: personOf('li', ['js.zf']) }
  running.node.slots.set(authenticate, async (request) => people[request.headers.authorization as keyof typeof people] ?? null)
})
afterAll(() => running.stop())

/** Opens the stream and reads until `needle` has come. */
async function open(person: string): Promise<{ until(needle: string): Promise<string>; close(): Promise<void> }> {
  const answer = await fetch(`${running.address}/api/kernel/events`, { headers: { authorization: person } })
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-type')).toBe('text/event-stream')
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
  if (reader === undefined) throw new Error('no body')
  let text = (await reader.read()).value ?? ''
  return {
    until: async (needle) => {
      while (!text.includes(needle)) text += (await reader.read()).value ?? ''
      return text
    },
    close: () => reader.cancel(),
  }
}

const emit = (name: string, payload: Readonly<Record<string, unknown>>): Promise<void> =>
  running.node.transaction(service('road'), (tx) => running.node.emit(tx, name, payload))

describe('the live stream', () => {
  it('tells people what concerns their organs, and only that', async () => {
    await emit('road.arrived', { n: 'before', organs: ['js.dw'] })
    const [zhang, li] = [await open('zhang'), await open('li')]
    await emit('road.internal', { n: 'internal' })
    await emit('road.arrived', { n: 'one', organs: ['js.dw'] })
    await emit('road.arrived', { n: 'both', organs: ['js.dw', 'js.zf'] })
    expect(await zhang.until('"both"')).toContain('"one"')
    const seenByLi = await li.until('"both"')
    expect(seenByLi).not.toContain('"one"')
    expect(seenByLi + (await zhang.until('"both"'))).not.toMatch(/"before"|"internal"/)
    expect(seenByLi).toMatch(/id: \d+\nevent: road\.arrived\ndata: \{/)
    await Promise.all([zhang.close(), li.close()])
  })

  it('is closed to strangers', async () => {
    expect((await fetch(`${running.address}/api/kernel/events`)).status).toBe(401)
  })
})
