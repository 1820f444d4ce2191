import { fileSize } from '@postroad/desk/kit'
import { Progress } from 'antd'
import type { CallProgress } from '../terminal/port.ts'
import { dispatchWords } from '../words.ts'

/** How far a dispatch is, with bytes per second since sending began (0: not known yet). */
export type Sent = { readonly progress: CallProgress; readonly speed: number; readonly from: { readonly at: number; readonly done: number } | null }

/** Adds one report of the terminal; `now` in milliseconds. The speed is that of the whole sending, so that it does not jump. */
export function advanceSent(before: Sent | null, progress: CallProgress, now: number): Sent {
  if (progress.phase !== 'sending') return { progress, speed: 0, from: null }
  const from = before?.from ?? { at: now, done: progress.done }
  const seconds = (now - from.at) / 1000
  return { progress, from, speed: seconds < 1 ? 0 : (progress.done - from.done) / seconds }
}

/** How far 封发 is: phase, share, speed, time left; and a calm word when the line is lost. */
export function Sending({ sent: { progress, speed } }: { readonly sent: Sent }) {
  const rest = speed > 0 ? Math.ceil((progress.total - progress.done) / speed) : 0
  return (
    <div className="sending" role="status">
      <p>{dispatchWords.phases[progress.phase]}{speed > 0 && !progress.waiting && <span className="quiet">　{dispatchWords.speed(fileSize(speed), rest < 90 ? dispatchWords.seconds(rest) : dispatchWords.minutes(Math.round(rest / 60)))}</span>}</p>
      <Progress percent={progress.total === 0 ? 0 : Math.floor((progress.done / progress.total) * 100)} size="small" aria-label={dispatchWords.phases[progress.phase]} />
      {progress.waiting && <p className="notice">{dispatchWords.interrupted}</p>}
    </div>
  )
}
