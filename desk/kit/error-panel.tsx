import { Button } from 'antd'
import { asFault } from './fault.ts'
import { kitWords } from './words.ts'

type Props = { readonly thrown: unknown; readonly lost?: string; readonly onRetry?: () => void; readonly onClose?: () => void }

const closed = (sentence: string): string => (/[。！？]$/.test(sentence) ? sentence : `${sentence}。`)

/** What happened, whether anything was lost, what to do, and a code. Stands where the act was; stays until read. */
export function ErrorPanel({ thrown, lost = kitWords.lostNothing, onRetry, onClose }: Props) {
  if (thrown === null || thrown === undefined) return null
  const fault = asFault(thrown)
  return (
    <section className="error-panel" role="alert">
      <p className="error-what">{closed(fault.message)}{lost}</p>
      <p>{kitWords.whatToDo}{fault.advice}</p>
      <p className="error-foot">
        <span className="quiet">{kitWords.code} {fault.code}</span>
        {onRetry !== undefined && <Button size="small" onClick={onRetry}>{kitWords.retry}</Button>}
        {onClose !== undefined && <Button size="small" type="text" onClick={onClose}>{kitWords.close}</Button>}
      </p>
    </section>
  )
}
