import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** For tests: the `openssl` command line (3.0 or later) in a directory of its own, as a second opinion on everything we write. */
export class OpensslCommand implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'gm-openssl-'))

  /** Writes a file into the directory and answers its path. */
  file(name: string, content: Uint8Array | string): string {
    const path = join(this.#directory, name)
    writeFileSync(path, content)
    return path
  }

  path(name: string): string {
    return join(this.#directory, name)
  }

  read(name: string): Uint8Array {
    return new Uint8Array(readFileSync(this.path(name)))
  }

  /** Runs openssl and answers what it printed; throws with its own words when it fails. */
  run(...words: readonly string[]): string {
    const { status, output } = this.#spawn(words)
    if (status !== 0) throw new Error(`openssl ${words[0]} ended with ${status}: ${output}`)
    return output
  }

  /** Whether openssl ends well. */
  accepts(...words: readonly string[]): boolean {
    return this.#spawn(words).status === 0
  }

  #spawn(words: readonly string[]): { status: number | null; output: string } {
    const { status, stdout, stderr, error } = spawnSync('openssl', words, { cwd: this.#directory, encoding: 'utf8' })
    if (error !== undefined) throw new Error('these tests compare with the openssl command (3.0 or later), which could not be started; install it', { cause: error })
    return { status, output: stdout + stderr }
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
