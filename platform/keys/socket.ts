import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Longest path of a unix socket that every system takes (108 bytes on Linux, 104 elsewhere, with the closing zero). */
const MAX_SOCKET_PATH = 100

/** `<home>/run/keys.sock`, or a private folder of the system's temporary one when that is too long for a socket. */
export function socketPath(home: string): string {
  const path = join(home, 'run', 'keys.sock')
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH) return path
  return join(tmpdir(), `postroad-${createHash('sha256').update(home).digest('hex').slice(0, 16)}`, 'keys.sock')
}

/** Sends one message: u32be length ‖ bytes. */
export function sendMessage(socket: Socket, bytes: Uint8Array): void {
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, bytes.length)
  socket.cork()
  socket.write(length)
  socket.write(bytes)
  socket.uncork()
}

/** Calls `each` for every whole message that arrives; a message announced longer than `limit` ends the connection. */
export function onMessages(socket: Socket, limit: number, each: (bytes: Uint8Array) => void): void {
  let held: Buffer[] = []
  let size = 0
  socket.on('data', (chunk: Buffer) => {
    held.push(chunk)
    size += chunk.length
    while (size >= 4) {
      const all = held.length === 1 && held[0] !== undefined ? held[0] : Buffer.concat(held)
      held = [all]
      const length = all.readUInt32BE(0)
      if (length > limit) {
        socket.destroy()
        return
      }
      if (size < 4 + length) return
      each(new Uint8Array(all.subarray(4, 4 + length)))
      held = [all.subarray(4 + length)]
      size -= 4 + length
    }
  })
}
