/** 120 neighbours and their organs in a process of their own, so that the node's memory is its own. Told what to do by the process that forked it. */
import { issueCertificate, pem, privateKeyPem } from '@postroad/gm/certificate'
import { suites } from '@postroad/gm/node'
import { type Crowd, type CrowdLine, gatherCrowd } from '@postroad/road/testing/crowd'
import { httpsTransport } from '@postroad/road/transport/https'
import type { PeerAddress } from '@postroad/road/transport/port'

export type ToCrowd = { readonly kind: 'gather'; readonly parent: string; readonly nodes: number; readonly organsEach: number } | { readonly kind: 'sign'; readonly origin: PeerAddress } | { readonly kind: 'loads' }
export type FromCrowd = Pick<Crowd, 'children' | 'logs' | 'organs'> | Crowd['loads'] | null

let crowd: Crowd | null = null

async function obey(order: ToCrowd): Promise<FromCrowd> {
  if (order.kind === 'gather') {
    crowd = await gatherCrowd(order.parent, order, lineOf)
    const { children, logs, organs } = crowd
    return { children, logs, organs }
  }
  if (crowd === null) throw new Error('nobody has gathered')
  if (order.kind === 'loads') return crowd.loads
  await crowd.signForAll(order.origin)
  return null
}

function lineOf(node: string): CrowdLine {
  const pair = suites.P256.generateKeyPair()
  const name = { commonName: node }
  const terms = { serial: '0a', notBefore: new Date('2026-01-01'), notAfter: new Date('2036-01-01'), usage: 'tls' as const, dnsNames: ['localhost'] }
  const certificate = issueCertificate(suites.P256, { name, keyPair: pair }, { ...name, publicKey: pair.publicKey }, terms)
  const identity = { key: privateKeyPem(suites.P256, pair), cert: pem('CERTIFICATE', certificate) }
  return { certificate, transport: httpsTransport({ identity: () => identity, host: '127.0.0.1', port: 0 }) }
}

process.on('message', (order: ToCrowd) => {
  obey(order).then(
    (value) => process.send?.({ value }),
    (error: Error) => process.send?.({ error: error.message }),
  )
})
process.on('disconnect', () => process.exit(0))
