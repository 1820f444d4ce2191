/** The terminal that sends a film, in a process of its own: `node film-sender.ts <home> <person> <bytes> <cuts>`. Its line to the node is cut so many times in the middle of a request. */
import { openTerminal } from '@postroad/bin/demo/people'
import { loadState } from '@postroad/bin/demo/state'
import type { Draft } from '@postroad/documents/terminal'

export type FilmSent = { readonly message: string; readonly begun: number; readonly resent: number; readonly memory: number }

const [home = '', person = '', size = '0', cuts = '0'] = process.argv.slice(2)
const bytes = Number(size)
const PIECE = 1024 * 1024
const noise = new Uint8Array(PIECE)
for (let at = 0; at < PIECE; at += 65_536) crypto.getRandomValues(noise.subarray(at, at + 65_536))

/** What does not compress, and no piece like another. */
async function* film(): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes; at += PIECE) {
    new DataView(noise.buffer).setBigUint64(0, BigInt(at))
    yield noise.subarray(0, Math.min(PIECE, bytes - at))
  }
}

let [sent, left, total] = [0, Number(cuts), 0]
const line = globalThis.fetch
/** Counts what goes up, and breaks the request in its middle at evenly spread places. */
globalThis.fetch = async (input, init) => {
  if (init?.method === 'POST' && String(input).endsWith('/uploads')) total = Number((init.headers as Record<string, string>)['upload-length'])
  if (init?.method !== 'PATCH') return line(input, init)
  const body = init.body as Uint8Array
  if (left > 0 && sent > (total * (Number(cuts) - left + 1)) / (Number(cuts) + 1)) {
    left -= 1
    const half = body.subarray(0, Math.floor(body.length / 2))
    sent += half.length
    await line(input, { ...init, body: half as BodyInit }).catch(() => undefined)
    throw new TypeError('the line is cut')
  }
  sent += body.length
  return line(input, init)
}

let memory = 0
setInterval(() => (memory = Math.max(memory, process.memoryUsage.rss() / 1e6)), 100).unref()
const terminal = await openTerminal(home, loadState(home), person)
const draft: Draft = {
  clientId: crypto.randomUUID(), name: 'jiangyuan.party.committee', title: '会议录像', number: '', printedTo: '中共望川县委', printedCc: '', urgency: 'normal', label: 0,
  recipients: [{ organ: 'wangchuan.party', name: 'wangchuan.party.committee', role: 'to' }], files: [{ name: '会议录像.mp4', mediaType: 'video/mp4', bytes, stream: film }],
}
const begun = Date.now()
const { message } = await terminal.dispatch(draft)
process.send?.({ message, begun, resent: sent - total, memory } satisfies FilmSent)
process.disconnect()
