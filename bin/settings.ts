import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'

/** A node's own settings in its home, as variables: what `postroad join` asked for, so that `postroad up --home` needs nothing else. */
const pathOf = (home: string): string => join(home, 'node.env')
export const bootstrapPath = (home: string): string => join(home, 'bootstrap.json')

/** The variables kept in a home; none where there are none. */
export const readSettings = (home: string): Readonly<Record<string, string | undefined>> => (existsSync(pathOf(home)) ? parseEnv(readFileSync(pathOf(home), 'utf8')) : {})

export function writeSettings(home: string, settings: Readonly<Record<string, string>>): void {
  writePrivate(home, pathOf(home), `${Object.entries(settings).map(([name, value]) => `${name}=${JSON.stringify(value)}`).join('\n')}\n`)
}

/** Writes a file that only the node's own account reads, whole or not at all. */
export function writePrivate(home: string, path: string, text: string): void {
  mkdirSync(home, { recursive: true, mode: 0o711 })
  const file = openSync(`${path}.new`, 'w', 0o600)
  try {
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(`${path}.new`, path)
}
