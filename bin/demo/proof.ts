import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Journey } from './driver.ts'

/** The real command line's word on the exported evidence: what it printed and its exit code. */
export type Proof = { readonly file: string; readonly printed: string; readonly exitCode: number }

const CLI = join(import.meta.dirname, '..', 'postroad.ts')

/** Writes the evidence and has `postroad verify` judge it in a process of its own, with nothing but the file and the root's fingerprint. */
export async function verifyEvidenceFile(folder: string, journey: Journey): Promise<Proof> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, journey.evidence.fileName)
  writeFileSync(file, journey.evidence.bytes, { mode: 0o600 })
  return verifyByCommand(file, journey.anchor)
}

/** Runs `postroad verify` on a file. */
export function verifyByCommand(file: string, anchor: string): Promise<Proof> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [CLI, 'verify', file, '--anchor', anchor], (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') return reject(error)
      resolve({ file, printed: stdout + stderr, exitCode: error === null ? 0 : Number(error.code) })
    })
  })
}
