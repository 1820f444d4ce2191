import type { Counter, Histogram } from '@opentelemetry/api'
import { faultCatalogue } from '@postroad/kernel/errors'
import type { Node } from '@postroad/kernel/node'
import type { ReceiptKind } from '@postroad/waybill'

/** What the road counts as it goes. Labels are neighbours, kinds and codes of ours: few, whatever passes and whatever a peer says. */
export type RoadMeters = {
  batch(entries: number, seconds: number): void
  handedOn(peer: string): void
  failed(peer: string, code: string): void
  recorded(kind: ReceiptKind): void
}

export function roadMeters({ telemetry: { meter } }: Node): RoadMeters {
  const size: Histogram = meter.createHistogram('postroad.writer.batch', { description: 'Entries that one transaction of the road writes', advice: { explicitBucketBoundaries: [1, 4, 16, 64, 256] } })
  const time: Histogram = meter.createHistogram('postroad.writer.commit.seconds', { description: 'Time of one transaction of the road, signing included', advice: { explicitBucketBoundaries: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2] } })
  const handed: Counter = meter.createCounter('postroad.shipments.handed', { description: 'Shipments that a neighbour took custody of' })
  const failures: Counter = meter.createCounter('postroad.link.failures', { description: 'Offers that failed, by code' })
  const receipts: Counter = meter.createCounter('postroad.receipts', { description: 'Receipts recorded, by kind: what became of deliveries' })
  return {
    batch(entries, seconds) {
      size.record(entries)
      time.record(seconds)
    },
    handedOn: (peer) => handed.add(1, { peer }),
    failed: (peer, code) => failures.add(1, { peer, code: knownCode(code) }),
    recorded: (kind) => receipts.add(1, { kind }),
  }
}

/** A peer names the code of its refusal: one that is none of ours is counted with all such. */
export const knownCode = (code: string): string => (faultCatalogue().has(code) || /^(link\.(unreachable|wrongCertificate|cut|timeout)|http\.[1-5]\d\d|chunksNotKept)$/.test(code) ? code : 'other')
