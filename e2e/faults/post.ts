import { LinkFailure, type LinkTransport, type PeerAddress, type WireRequest } from '@postroad/road/transport'
import type { Dice } from '@postroad/waybill/simulation'

/** A transport that plays tricks with whole requests while `troubled` answers true; bytes are the door's business (door.ts). */
type Kept = { readonly peer: PeerAddress; readonly request: WireRequest }
const REMEMBERED = 200
const LONGEST_DELAY_MS = 1500

/** Requests are doubled, overtake each other, come again long after, or their answers are lost. */
export function troubledPost(transport: LinkTransport, dice: Dice, troubled: () => boolean): LinkTransport {
  const old: Kept[] = []
  /** Streams can be read only once; the rest may be sent as often as one likes. */
  const isWhole = ({ body }: WireRequest): boolean => body instanceof Uint8Array || Array.isArray(body)
  const again = ({ peer, request }: Kept): void => void transport.request(peer, request).catch(() => undefined)
  const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, dice.below(LONGEST_DELAY_MS)))
  return {
    ...transport,
    async request(peer, request) {
      if (isWhole(request)) {
        old.push({ peer, request })
        if (old.length > REMEMBERED) old.splice(dice.below(old.length), 1)
      }
      if (!troubled()) return transport.request(peer, request)
      if (dice.chance(0.3)) await pause()
      if (isWhole(request) && dice.chance(0.3)) again({ peer, request })
      if (old.length > 0 && dice.chance(0.3)) again(dice.pick(old))
      const reply = await transport.request(peer, request)
      if (dice.chance(0.2)) throw new LinkFailure('cut', 'the answer was lost')
      return reply
    },
  }
}
