import { describe, expect, it } from 'vitest'
import { openGate } from './refusals.ts'

describe('the gate before refusals', () => {
  it('lets a source write ten, counts the others, and opens again with time', () => {
    const gate = openGate()
    const tries = (now: number, count: number): number => Array.from({ length: count }, () => gate.admits('anonymous:10.0.0.9', 'kernel.notFound', now)).filter(Boolean).length
    expect(tries(0, 500)).toBe(10)
    expect(gate.takeSuppressed()).toEqual(new Map([['kernel.notFound', 490]]))
    expect(gate.takeSuppressed()).toEqual(new Map())
    expect(tries(60_000, 500)).toBe(10)
  })

  it('keeps sources and codes apart', () => {
    const gate = openGate()
    for (let i = 0; i < 20; i++) gate.admits('person:a', 'road.labelTooHigh', 0)
    expect(gate.admits('person:b', 'road.labelTooHigh', 0)).toBe(true)
    expect(gate.admits('person:a', 'kernel.forbidden', 0)).toBe(true)
  })

  it('a flood from ever new addresses is bounded as a whole', () => {
    const gate = openGate()
    let written = 0
    for (let i = 0; i < 50_000; i++) if (gate.admits(`anonymous:${i}`, 'identity.wrong', i / 100)) written += 1
    expect(written).toBeLessThan(250)
    expect([...gate.takeSuppressed().values()]).toEqual([50_000 - written])
  })
})
