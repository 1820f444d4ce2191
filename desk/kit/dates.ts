import { kitWords } from './words.ts'

const two = (value: number) => String(value).padStart(2, '0')
const clock = (at: Date) => `${two(at.getHours())}:${two(at.getMinutes())}`
const startOfDay = (at: Date) => new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime()

/** `2026年11月22日 14:05`, in the reader's own time zone. */
export function fullDate(iso: string): string {
  const at = new Date(iso)
  return `${at.getFullYear()}年${at.getMonth() + 1}月${at.getDate()}日 ${clock(at)}`
}

/** With seconds, for timelines where order matters. */
export const exactDate = (iso: string): string => `${fullDate(iso)}:${two(new Date(iso).getSeconds())}`

/** Short form for lists: 今天 14:05, 昨天 14:05, 周五 14:05 within the last week, 11月2日, with the year when it is another. */
export function nearDate(iso: string, now: Date = new Date()): string {
  const at = new Date(iso)
  const days = Math.round((startOfDay(now) - startOfDay(at)) / 86_400_000)
  if (days === 0) return `${kitWords.today} ${clock(at)}`
  if (days === 1) return `${kitWords.yesterday} ${clock(at)}`
  if (days > 1 && days < 7) return `${kitWords.weekdays[at.getDay()] ?? ''} ${clock(at)}`
  if (at.getFullYear() === now.getFullYear()) return `${at.getMonth() + 1}月${at.getDate()}日`
  return `${at.getFullYear()}年${at.getMonth() + 1}月${at.getDate()}日`
}

/** `1.4 MB`, as people say sizes. */
export function fileSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(bytes < 10_240 ? 1 : 0)} kB`
  if (bytes < 1024 ** 3) return `${(bytes / 1024 ** 2).toFixed(1)} MB`
  return `${(bytes / 1024 ** 3).toFixed(2)} GB`
}
