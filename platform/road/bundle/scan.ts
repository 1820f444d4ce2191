import { execFile } from 'node:child_process'

/** What a scanner said of one volume. */
export type ScanVerdict = { readonly passed: true } | { readonly passed: false; readonly exit: string; readonly said: string }

const LONGEST_MS = 6 * 3600_000

/**
 * Runs the link's scan command with the volume's path as last argument, without a shell and without this process's environment. Only exit code 0 lets it pass:
 * a scanner that is missing, killed or too slow has passed nothing. `said` is the beginning of what it wrote.
 */
export function scanVolume(command: readonly string[] | null, path: string): Promise<ScanVerdict> {
  const [program, ...args] = command ?? []
  if (program === undefined) return Promise.resolve({ passed: true })
  return new Promise((resolve) => {
    execFile(program, [...args, path], { timeout: LONGEST_MS, killSignal: 'SIGKILL', maxBuffer: 1024 * 1024, env: { PATH: process.env['PATH'] ?? '' } }, (error, stdout, stderr) => {
      if (error === null) return resolve({ passed: true })
      resolve({ passed: false, exit: String(error.code ?? error.signal ?? 'error'), said: `${stdout}${stderr}`.slice(0, 500) })
    })
  })
}
