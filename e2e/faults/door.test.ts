import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, type Server, connect, createServer } from 'node:net'
import { createDice } from '@postroad/waybill/simulation'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Door, openDoor } from './door.ts'
import type { DoorFault } from './schedule.ts'

let door: Door
let echo: Server
beforeEach(async () => {
  echo = createServer((socket) => void socket.on('error', () => undefined).pipe(socket)).listen(0, '127.0.0.1')
  await once(echo, 'listening')
  door = await openDoor(createDice(3))
  door.leadTo((echo.address() as AddressInfo).port)
})
afterEach(async () => {
  await door.close()
  echo.close()
})

/** What comes back of what was sent, until the connection ends. */
async function through(sent: Buffer): Promise<Buffer> {
  const socket = connect(door.port, '127.0.0.1')
  const back: Buffer[] = []
  let bytes = 0
  socket.on('data', (piece: Buffer) => {
    back.push(piece)
    bytes += piece.length
    if (bytes >= sent.length) socket.end()
  })
  socket.on('error', () => undefined)
  socket.write(sent)
  await new Promise((resolve) => socket.once('close', resolve)) // a broken connection errs before it closes
  return Buffer.concat(back)
}
const sha = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
const letter = randomBytes(150_000)

describe('a door', () => {
  it.each<DoorFault | null>([null, 'sliced', 'slow'])('carries everything in order when it is %s', async (fault) => {
    door.trouble(fault)
    expect(sha(await through(letter))).toBe(sha(letter))
  })
  it('changes bits when told to', async () => {
    door.trouble('flipped')
    const back = await through(letter)
    expect(back.length).toBe(letter.length)
    expect(sha(back)).not.toBe(sha(letter))
  })
  it.each<DoorFault>(['cut', 'broken'])('breaks a connection when it is %s', async (fault) => {
    door.trouble(fault)
    expect((await through(letter)).length).toBeLessThan(letter.length)
  })
  it.each<DoorFault>(['halfOpen', 'deaf'])('lets nothing back while it is %s, and breaks what waited when it heals', async (fault) => {
    door.trouble(fault)
    const waiting = through(letter)
    await new Promise((resolve) => setTimeout(resolve, 50))
    door.trouble(null)
    expect((await waiting).length).toBe(0)
    expect(sha(await through(letter))).toBe(sha(letter))
  })
})
