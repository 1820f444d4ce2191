import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

/** What keeps the demo from starting, in words. */
export class DemoFault extends Error {
  readonly code: string
  readonly advice: string
  constructor(code: string, message: string, advice: string) {
    super(message)
    this.code = `demo.${code}`
    this.advice = advice
  }
}

/** What the demo remembers between starts, readable by its owner only: ports, its own people's credentials, how far the journey got. */
const demoState = z.object({
  /** By node id. */
  ports: z.record(z.string(), z.object({ desk: z.number(), road: z.number() })),
  /** Sign-in of the people the driver acts as, by person: made at first start, at random, for this network only. */
  credentials: z.record(z.string(), z.object({ password: z.string(), clientKey: z.string(), keySecret: z.string(), enrolled: z.boolean() })),
  /** Client ids of the dispatches, made before they are sent: a second attempt sends nothing twice. */
  drafts: z.object({ notice: z.string(), report: z.string() }),
  notice: z.string().nullable(),
  report: z.string().nullable(),
})
export type DemoState = z.infer<typeof demoState>

const FILE = 'demo.json'
/** Marks a folder as a demo's home: `--fresh` deletes nothing else. */
const MARK = 'postroad-demo-home'

/** The demo's state in `home`; a new one if there is none. */
export function loadState(home: string): DemoState {
  const text = readIfThere(join(home, FILE))
  if (text !== null) return demoState.parse(JSON.parse(text))
  return { ports: {}, credentials: {}, drafts: { notice: crypto.randomUUID(), report: crypto.randomUUID() }, notice: null, report: null }
}

/** Written whole or not at all. */
export function saveState(home: string, state: DemoState): void {
  const file = join(home, FILE)
  writeFileSync(`${file}.new`, JSON.stringify(state, null, 2), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

/** Makes the demo's home and marks it as such. A folder with other things in it is refused. */
export function prepareDemoHome(home: string): void {
  if (existsSync(home) && !existsSync(join(home, MARK)) && readdirSync(home).length > 0) throw new DemoFault('homeTaken', `${home} 里有别的东西，不是演示的数据目录`, '请用 --home 另选一个空目录。')
  mkdirSync(home, { recursive: true, mode: 0o711 })
  writeFileSync(join(home, MARK), 'made by `postroad demo`; `postroad demo --fresh` deletes this folder\n')
}

/** Deletes a demo's home. A folder that isn't one is left alone. */
export function deleteDemoHome(home: string): void {
  if (existsSync(join(home, MARK))) rmSync(home, { recursive: true, force: true })
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw thrown
  }
}
