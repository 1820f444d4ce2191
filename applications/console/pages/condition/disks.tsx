import { fileSize } from '@postroad/desk/kit'
import type { Disk } from '@postroad/watch/model'
import { conditionWords } from '../words.ts'

/** Each disk as a bar: what is used, and the two watermarks as lines. */
export function Disks({ disks }: { readonly disks: readonly Disk[] }) {
  return (
    <section className="section" aria-label={conditionWords.disks}>
      <h2>{conditionWords.disks}</h2>
      {disks.map((disk) => {
        const share = (bytes: number) => `${Math.min(100, Math.max(0, (bytes / disk.total) * 100))}%`
        const grade = disk.free < disk.full ? 'full' : disk.free < disk.low ? 'low' : 'good'
        return (
          <div key={disk.volume} className="disk">
            <p><b>{conditionWords.volumes[disk.volume] ?? disk.volume}</b>　{conditionWords.free(fileSize(disk.free), fileSize(disk.total))}</p>
            <div className="disk-bar" aria-hidden="true">
              <span className={`disk-used disk-${grade}`} style={{ width: share(disk.total - disk.free) }} />
              <span className="disk-mark" style={{ left: share(disk.total - disk.low) }} />
              <span className="disk-mark" style={{ left: share(disk.total - disk.full) }} />
            </div>
            <p className="quiet">{conditionWords.watermarks(fileSize(disk.low), fileSize(disk.full))}</p>
          </div>
        )
      })}
    </section>
  )
}
