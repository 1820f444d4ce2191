import { parseArgs } from 'node:util'
import { join } from 'node:path'
import { defaultHome } from '@postroad/kernel/home'

/** The folder that holds the sources: what `npm start` is called in. */
export const CLONE = join(import.meta.dirname, '..')

/** A wrong call of a command; the exit code is 64. */
export class UsageFault extends Error {
  readonly code = 'cli.usage'
  readonly advice = '运行 postroad help 查看用法。'
}

type Flags = Readonly<Record<string, 'string' | 'boolean'>>
type Read<F extends Flags> = { readonly [name in keyof F]: F[name] extends 'string' ? string | undefined : boolean }

/** Reads `--flags` and words. An unknown flag is refused, never ignored. */
export function readArguments<const F extends Flags>(args: readonly string[], flags: F): { readonly flags: Read<F>; readonly words: readonly string[] } {
  try {
    const options = Object.fromEntries(Object.entries(flags).map(([name, type]) => [name, { type }]))
    const read = parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
    const values = Object.fromEntries(Object.entries(flags).map(([name, type]) => [name, type === 'boolean' ? read.values[name] === true : read.values[name]]))
    return { flags: values as Read<F>, words: read.positionals }
  } catch (thrown) {
    throw new UsageFault(`参数不对：${(thrown as Error).message.split('. ')[0] ?? ''}`)
  }
}

/** Where the demo keeps its nodes, and where a single node keeps its data, unless told otherwise. */
export const demoHome = (chosen: string | undefined): string => chosen ?? join(defaultHome(CLONE), 'demo')
export const nodeHome = (chosen: string | undefined): string => chosen ?? process.env['POSTROAD_HOME'] ?? join(defaultHome(CLONE), 'node')
