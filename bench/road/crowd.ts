/** 120 neighbours and their organs in a process of their own, so that the node's memory is its own. Told what to do by the process that forked it. */
import { type Crowd, type CrowdSize, crowdLine, gatherCrowd } from '@postroad/road/testing/crowd'
import type { PeerAddress } from '@postroad/road/transport'

export type ToCrowd = ({ readonly kind: 'gather'; readonly parent: string } & CrowdSize) | { readonly kind: 'sign'; readonly origin: PeerAddress } | { readonly kind: 'loads' }
export type FromCrowd = Pick<Crowd, 'children' | 'logs' | 'organs'> | Crowd['loads'] | null

let crowd: Crowd | null = null

async function obey(order: ToCrowd): Promise<FromCrowd> {
  if (order.kind === 'gather') {
    crowd = await gatherCrowd(order.parent, order, crowdLine)
    const { children, logs, organs } = crowd
    return { children, logs, organs }
  }
  if (crowd === null) throw new Error('nobody has gathered')
  if (order.kind === 'loads') return crowd.loads
  await crowd.signForAll(order.origin)
  return null
}

process.on('message', (order: ToCrowd) => {
  obey(order).then(
    (value) => process.send?.({ value }),
    (error: Error) => process.send?.({ error: error.message }),
  )
})
process.on('disconnect', () => process.exit(0))
