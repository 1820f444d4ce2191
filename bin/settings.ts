import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { replaceFile } from '@postroad/kernel/durable-file'

/** A node's own settings in its home, as variables: what `postroad join` asked for, so that `postroad up --home` needs nothing else. */
const pathOf = (home: string): string => join(home, 'node.env')
export const bootstrapPath = (home: string): string => join(home, 'bootstrap.json')

/** The variables kept in a home; none where there are none. */
const readSettings = (home: string): Readonly<Record<string, string | undefined>> => (existsSync(pathOf(home)) ? parseEnv(readFileSync(pathOf(home), 'utf8')) : {})

/** What a command about a node goes by: the variables of its home, and over them the environment, as `postroad up` has it. */
export const variablesOf = (home: string): Readonly<Record<string, string | undefined>> => ({ ...readSettings(home), ...process.env })

export function writeSettings(home: string, settings: Readonly<Record<string, string>>): void {
  writePrivate(home, pathOf(home), `${Object.entries(settings).map(([name, value]) => `${name}=${JSON.stringify(value)}`).join('\n')}\n`)
}

/** Writes a file of a home that may be new: others pass through the home (the database's account has to), and read nothing in it. */
export function writePrivate(home: string, path: string, text: string): void {
  mkdirSync(home, { recursive: true, mode: 0o711 })
  replaceFile(path, text)
}
