import { DeskFault } from '@postroad/desk/kit'
import { verifyWords } from '../words.ts'
import type { Outcome, ToVerify, Verified } from './worker.ts'

const MAX_BYTES = 512 * 1024 * 1024

/** Makes the worker while the line stands, so that the check itself works with the line cut. The caller ends it. */
export function prepareCheck(): { check(file: Blob, fingerprint: string): Promise<Outcome>; stop(): void } {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'verify' })
  return {
    check: async (file, fingerprint) => {
      if (file.size > MAX_BYTES) throw notEvidence('tooLarge')
      const message: ToVerify = { bytes: await file.arrayBuffer(), fingerprint }
      const answer = await new Promise<Verified>((resolve, reject) => {
        worker.onmessage = ({ data }: MessageEvent<Verified>) => resolve(data)
        worker.onerror = () => reject(notEvidence('worker'))
        worker.postMessage(message, [message.bytes])
      })
      if ('unreadable' in answer) throw notEvidence(answer.unreadable)
      return answer.outcome
    },
    stop: () => worker.terminate(),
  }
}

const notEvidence = (reason: string) => new DeskFault({ code: `desk.evidence.${reason}`, status: 0, message: verifyWords.notZip, advice: verifyWords.notZipAdvice })
