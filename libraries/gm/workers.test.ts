import { afterAll, describe, expect, it } from 'vitest'
import { hex, u32be } from './bytes.ts'
import { suites } from './node.ts'
import { SUITE_IDS } from './suite.ts'
import { createPool } from './workers.ts'

const pool = createPool(2)
afterAll(() => pool.close())

describe.each(SUITE_IDS)('the worker pool with %s', (id) => {
  const suite = suites[id]
  const keyPair = suite.generateKeyPair()
  const items = Array.from({ length: 100 }, (_, i) => suite.hash(u32be(i)))

  it('hashes in order', async () => {
    const hashes = await pool.run('hash', { suite: id, items })
    expect(hashes.map(hex)).toEqual(items.map((item) => hex(suite.hash(item))))
  })

  it('signs and verifies', async () => {
    const signatures = await pool.run('sign', { suite: id, keyPair, items })
    expect(signatures.every((signature, i) => suite.verify(keyPair.publicKey, items[i]!, signature))).toBe(true)
    const checks = items.map((message, i) => ({ publicKey: keyPair.publicKey, message, signature: signatures[i === 40 ? 41 : i]! }))
    const verdicts = await pool.run('verify', { suite: id, items: checks })
    expect(verdicts.flatMap((verdict, i) => (verdict ? [] : [i]))).toEqual([40])
  })

  it('wraps and unwraps', async () => {
    const wraps = await pool.run('wrap', { suite: id, items: items.map((contentKey) => ({ publicKey: keyPair.publicKey, contentKey })) })
    const opened = await pool.run('unwrap', { suite: id, keyPair, items: [...wraps, new Uint8Array(10)] })
    expect(opened.map((key) => key && hex(key))).toEqual([...items.map(hex), null])
  })

  it('answers an empty batch', async () => {
    expect(await pool.run('hash', { suite: id, items: [] })).toEqual([])
  })

  it('rejects a batch with a key that is no key, and goes on', async () => {
    const bad = { publicKey: new Uint8Array(65), contentKey: new Uint8Array(32) }
    await expect(pool.run('wrap', { suite: id, items: [bad] })).rejects.toThrow('public key')
    expect(await pool.run('hash', { suite: id, items: items.slice(0, 1) })).toEqual([suite.hash(items[0]!)])
  })
})

describe('closing the worker pool', () => {
  it('rejects what is under way and what comes after', async () => {
    const short = createPool(1)
    const { publicKey } = suites.SM.generateKeyPair()
    const items = Array.from({ length: 200 }, () => ({ publicKey, contentKey: new Uint8Array(32) }))
    const running = short.run('wrap', { suite: 'SM', items }).then(
      () => 'finished',
      (thrown: unknown) => String(thrown),
    )
    await short.close()
    expect(await running).toContain('closed')
    await expect(short.run('hash', { suite: 'SM', items: [] })).rejects.toThrow('closed')
  })
})
