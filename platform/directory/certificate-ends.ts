import { fromBase64url } from '@postroad/gm'
import { readCertificate } from '@postroad/gm/certificate'
import type { Node } from '@postroad/kernel/node'
import type { DirectoryView } from '@postroad/waybill'
import { neighbours } from './peers.ts'
import { directoryRoom, view } from './room.ts'

/** Until when a certificate is good that this node shows, meets or issued. `id` names it among those of its kind. */
export type CertificateEnd = { readonly kind: 'tls' | 'peerTls' | 'ca' | 'organ'; readonly id: string; readonly title: string; readonly until: Date }

/** The view changes seldom and holds the same certificates meanwhile; reading thousands again for every look would cost more than all else. */
const known = new WeakMap<DirectoryView, readonly CertificateEnd[]>()

/** Ends of the node's own certificate, its chain of CAs, its neighbours' certificates and those of hosted organs' keys. @throws directory.notJoined */
export function certificateEnds(node: Node): readonly CertificateEnd[] {
  const current = view(node)
  const before = known.get(current)
  if (before !== undefined) return before
  const { secrets } = node.slots.get(directoryRoom)
  const end = (kind: CertificateEnd['kind'], id: string, title: string, certificate: string): CertificateEnd => ({ kind, id, title, until: readCertificate(fromBase64url(certificate)).notAfter })
  const own = current.node(node.config.node)
  const chains = (['SM', 'P256'] as const).flatMap((suite) => secrets.caChains[suite].map((der, level) => {
    const { subject } = readCertificate(fromBase64url(der))
    return end('ca', `${subject.commonName}.${suite.toLowerCase()}.${level}`, subject.organisation ?? subject.commonName, der)
  }))
  const peers = neighbours(node).flatMap((peer) => {
    const body = current.node(peer)
    return body === null ? [] : [end('peerTls', peer, body.title, body.tls.certificate)]
  })
  const now = node.now().toISOString()
  const organs = current.organs().filter((organ) => organ.node === node.config.node && (organ.until === null || organ.until > now))
  const keys = organs.flatMap(({ organ, title }) => (['SM', 'P256'] as const).flatMap((suite) => (['sign', 'encrypt'] as const).flatMap((purpose) => {
    const [newest] = current.keysOf(organ, purpose, suite, now)
    return newest === undefined ? [] : [end('organ', newest.key, title, newest.certificate)]
  })))
  const ends = [end('tls', node.config.node, own?.title ?? node.config.node, secrets.tls.certificate), ...chains, ...peers, ...keys]
  known.set(current, ends)
  return ends
}
