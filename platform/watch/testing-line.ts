import { once } from 'node:events'
import { type AddressInfo, type Socket, connect, createServer } from 'node:net'

/** A line that can be cut and mended: what is open breaks, what is new is refused. */
export type Line = { readonly port: number; cut(): void; mend(): void; close(): Promise<void> }

/** Passes everything on to a port of the loopback. */
export async function lineTo(target: number): Promise<Line> {
  const open = new Set<Socket>()
  let whole = true
  const server = createServer((near) => {
    if (!whole) return near.destroy()
    const far = connect(target, '127.0.0.1')
    for (const [one, other] of [[near, far], [far, near]] as const) {
      open.add(one)
      one.on('error', () => undefined).once('close', () => (open.delete(one), other.destroy()))
    }
    near.pipe(far).pipe(near)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const cut = (): void => {
    whole = false
    for (const socket of open) socket.destroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    mend: () => void (whole = true),
    close: async () => {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}
