import { closeSync, openSync, writeSync } from 'node:fs'

/** What happened, one JSON event per line: `t` milliseconds since the run began, `e` the event (README.md lists them). */
export type History = { emit(e: string, facts?: Readonly<Record<string, unknown>>): void; readonly path: string; close(): void }

/** Lines go straight to the file, so that a run that is killed leaves its history. */
export function openHistory(path: string): History {
  const file = openSync(path, 'w')
  const begun = performance.now()
  return {
    path,
    emit: (e, facts = {}) => void writeSync(file, `${JSON.stringify({ t: Math.round(performance.now() - begun), e, ...facts })}\n`),
    close: () => closeSync(file),
  }
}
