import { once } from 'node:events'
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net'
import type { Dice } from '@postroad/waybill/simulation'
import type { DoorFault } from './schedule.ts'

/** The way into one node: everything that neighbours send it passes here, byte by byte. */
export type Door = { readonly port: number; leadTo(port: number): void; trouble(fault: DoorFault | null): void; close(): Promise<void> }

type Passage = { readonly outside: Socket; readonly inside: Socket }

const SLOW_BYTES_PER_MS = 24
const SLOW_LATENCY_MS = 60
const MOST_IN_A_SLICE = 700

/**
 * A TCP proxy with faults of our own making.
 * `cut`: connections break and none is accepted. `halfOpen`: they stay and nothing passes. `deaf`: requests go in, nothing comes back.
 * `slow`: late and little at a time. `sliced`: in pieces of any size. `broken`: each connection breaks after some bytes. `flipped`: now and then a wrong bit.
 */
export async function openDoor(dice: Dice): Promise<Door> {
  const passages = new Set<Passage>()
  let target = 0
  let fault: DoorFault | null = null
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (outside) => {
    outside.on('error', () => undefined)
    if (fault === 'cut') return void outside.destroy()
    const inside = connect({ host: '127.0.0.1', port: target, allowHalfOpen: true, noDelay: true })
    inside.on('error', () => undefined)
    const passage = { outside, inside }
    passages.add(passage)
    const end = (): void => {
      passages.delete(passage)
      shut(passage)
    }
    outside.once('close', end)
    inside.once('close', end)
    let left = 2000 + dice.below(60_000) // of a connection that is to break
    const hurry = (bytes: number): void => {
      left -= bytes
      if (fault === 'broken' && left < 0) end()
    }
    carry(outside, inside, dice, () => fault, hurry)
    carry(inside, outside, dice, () => (fault === 'deaf' ? 'halfOpen' : fault), hurry)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    leadTo: (port) => void (target = port),
    trouble: (next) => {
      const before = fault
      fault = next
      // bytes were swallowed: those connections cannot go on
      const isDead = next === 'cut' || (next === null && (before === 'halfOpen' || before === 'deaf'))
      if (isDead) passages.forEach(shut)
    },
    close: async () => {
      passages.forEach(shut)
      server.close()
      await once(server, 'close')
    },
  }
}

function shut({ outside, inside }: Passage): void {
  outside.destroy()
  inside.destroy()
}

/** One direction. Order is kept whatever is done to the bytes. */
function carry(from: Socket, to: Socket, dice: Dice, faultNow: () => DoorFault | null, passed: (bytes: number) => void): void {
  let last = Promise.resolve()
  const write = async (bytes: Uint8Array): Promise<void> => {
    if (to.destroyed) return
    if (!to.write(bytes)) await Promise.race([once(to, 'drain'), once(to, 'close')]).catch(() => undefined)
  }
  const pass = async (bytes: Uint8Array): Promise<void> => {
    const fault = faultNow()
    if (fault === 'halfOpen') return
    passed(bytes.length)
    if (fault === 'sliced') {
      for (let at = 0; at < bytes.length; ) {
        const size = 1 + dice.below(MOST_IN_A_SLICE)
        await write(bytes.subarray(at, at + size))
        at += size
      }
      return
    }
    if (fault === 'slow') await new Promise((resolve) => setTimeout(resolve, SLOW_LATENCY_MS + bytes.length / SLOW_BYTES_PER_MS))
    await write(fault === 'flipped' && dice.chance(0.2) ? flipped(bytes, dice) : bytes)
  }
  from.on('data', (bytes: Buffer) => {
    from.pause()
    last = last.then(() => pass(bytes)).then(() => void from.resume())
  })
  from.once('end', () => void last.then(() => to.end()))
}

function flipped(bytes: Uint8Array, dice: Dice): Uint8Array {
  const changed = new Uint8Array(bytes)
  const at = dice.below(changed.length)
  changed[at] = (changed[at] ?? 0) ^ (1 << dice.below(8))
  return changed
}
