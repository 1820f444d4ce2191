/** `npm run faults [-- --long] [--seconds N] [--seed N] [--kinds a,b] [--planted | --plant BUG,BUG] [--keep] [--look FOLDER]`; what it plays and what it proves is in README.md. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { buildDesk } from '@postroad/desk/build'
import { FAULT_POINTS } from '@postroad/road/faultpoints'
import { createDice } from '@postroad/waybill/simulation'
import { type Violation, check } from './checker.ts'
import { lookOn } from './console.ts'
import { type History, openHistory } from './history.ts'
import { type Books, endingReceipts, endsOf, handedAndTaken, lastCodes, resourcesOf, waitingIn, withBooks } from './inspection.ts'
import { type FireNetwork, PLACES, startNetwork } from './network.ts'
import { type Crew, startCrew } from './people.ts'
import { PLANTED, type PlantedBug } from './planted.ts'
import { ALL_KINDS, type FaultKind, makeSchedule } from './schedule.ts'
import { startStorm } from './storm.ts'

type Played = { readonly violations: readonly Violation[]; readonly events: number }
type FireOrder = { readonly seed: number; readonly seconds: number; readonly kinds: readonly FaultKind[]; readonly execArgv: readonly string[]; readonly drainMs: number; /** Where pictures of the console go; null: nobody looks. */ readonly look: string | null; readonly folder: string; tell(line: string): void }

const GIBIBYTE = 1024 ** 3
const SHORT = { seconds: 32, everyMs: 2200, pauseMs: 1600, drainMs: 90_000, diskBytes: 3 * GIBIBYTE }
/** An hour writes more than 3 GiB, and a centre without room rightly takes nothing more. */
const LONG = { seconds: 3600, everyMs: 5000, pauseMs: 1600, drainMs: 300_000, diskBytes: 16 * GIBIBYTE }
const paceOf = (seconds: number): typeof SHORT => (seconds > 120 ? LONG : SHORT)
const SAMPLE_MS = 2_000
/** Whose console is looked at: a centre with neighbours above and below. */
const WATCHED = 'east'

/** Brings a network up, sets it on fire for so long, lets it come to rest, and judges what it did. */
async function playWithFire({ seed, seconds, kinds, execArgv, drainMs, look, folder, tell }: FireOrder): Promise<Played> {
  const pace = paceOf(seconds)
  const dice = createDice(seed)
  const history = openHistory(join(folder, 'history.jsonl'))
  history.emit('run', { seed, seconds, kinds })
  if (look !== null) await buildDesk() // before the node that serves it starts
  const network = await startNetwork({ root: folder, dice, seed, diskBytes: pace.diskBytes, watched: look === null ? null : WATCHED, execArgv })
  const giveUp = (): void => void network.stop().finally(() => process.exit(130))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, giveUp)
  try {
    tell(`${network.nodes.length} nodes are up`)
    const looking = look === null ? null : await lookOn(network.at(WATCHED), look)
    const crew = startCrew({ network, dice: createDice(seed + 1), history, pauseMs: pace.pauseMs })
    const schedule = makeSchedule(createDice(seed + 2), { nodes: PLACES.map(({ id }) => id), points: FAULT_POINTS, durationMs: seconds * 1000, kinds, everyMs: pace.everyMs })
    const sampling = setInterval(() => sample(network, history), SAMPLE_MS)
    const storm = startStorm({ network, crew, history, schedule })
    await Promise.all([storm.over, wait(seconds * 1000)])
    history.emit('calm')
    tell(`${schedule.length} faults were played, ${crew.accepted.length} letters accepted; now nothing new, until all has arrived`)
    crew.hush()
    const isQuiet = await comesToRest(network, crew, drainMs, tell)
    clearInterval(sampling)
    await storm.stop()
    await crew.stop()
    await looking?.stop()
    await writeDown(network, history)
    if (isQuiet) history.emit('quiet')
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, giveUp)
    await network.stop()
  }
  history.close()
  const rows = readFileSync(history.path, 'utf8').split('\n').filter((row) => row !== '')
  return { violations: check(rows), events: rows.length }
}

function sample(network: FireNetwork, history: History): void {
  for (const node of network.nodes) {
    const used = resourcesOf(node.pid() ?? 0)
    if (used?.isRunning === true) history.emit('resources', { node: node.id, megabytes: used.megabytes, files: used.files, diskRoom: Math.round(node.disk.room() / 1024 ** 2) })
  }
}

/** Nobody writes any more: what waits must get through by itself. A node whose books nobody can read has not come to rest. */
async function comesToRest(network: FireNetwork, crew: Crew, patienceMs: number, tell: (line: string) => void): Promise<boolean> {
  for (const end = performance.now() + patienceMs; ; await wait(500)) {
    const looks = await Promise.all(network.nodes.map((node) => withBooks(node, lookAt).catch((error: Error) => error.message)))
    if (crew.waiting() === 0 && looks.every((look) => typeof look === 'object' && !look.isOpen && Object.values(look.waiting).every((count) => count === 0))) return true
    if (performance.now() < end) continue
    tell(`still waiting: ${network.nodes.map(({ id }, i) => `${id} ${JSON.stringify(looks[i])}`).join(' ')}; letters ${crew.waiting()}`)
    return false
  }
}

async function lookAt(books: Books): Promise<{ readonly waiting: Readonly<Record<string, number>>; readonly codes: Readonly<Record<string, number>>; readonly isOpen: boolean }> {
  const isOpen = (await endsOf(books)).some(({ state, kind }) => kind === 'document' && !ENDED.includes(state))
  return { waiting: await waitingIn(books), codes: await lastCodes(books), isOpen }
}
const ENDED = ['signedFor', 'registered', 'returned', 'recalled', 'undeliverable', 'closed']

/** How everything stands at last, at both ends. */
async function writeDown(network: FireNetwork, history: History): Promise<void> {
  for (const node of network.nodes) {
    const last = await withBooks(node, async (books) => ({ ends: await endsOf(books), ending: await endingReceipts(books), both: await handedAndTaken(books) })).catch((error: Error) => error.message)
    if (typeof last === 'string') {
      history.emit('unreadable', { node: node.id, why: last })
      continue
    }
    const { ends, ending, both } = last
    for (const { message, organ, side, state, kind } of ends) if (kind === 'document') history.emit(side === 'sent' ? 'end' : 'endThere', { message, organ, state })
    for (const { id, message, organ, kind, node: maker, isHome } of ending) {
      // what the nodes themselves decide is known from where it was made
      if (maker === node.id && !['signedFor', 'returned'].includes(kind)) history.emit('act', { node: node.id, organ, message, kind, receipt: id })
      if (isHome) history.emit('told', { node: node.id, organ, message, kind, receipt: id })
    }
    for (const book of both) history.emit('books', { node: node.id, ...book })
    const verdict = await node.ask<{ ok: boolean }>({ kind: 'ledger' }).catch((error: Error) => ({ ok: false, fault: error.message }))
    history.emit('ledger', { node: node.id, ...verdict })
  }
}

type Values = { readonly long: boolean; readonly keep: boolean; readonly planted: boolean; readonly seconds?: string | undefined; readonly seed?: string | undefined; readonly kinds?: string | undefined; readonly plant?: string | undefined; readonly look?: string | undefined }

/** Again, with a mount namespace of its own: the disks are gone with it, however the run ends. */
function inOwnMounts(): number {
  if (process.getuid?.() !== 0) {
    process.stderr.write('A power cut is played on disks of the run’s own (loop devices), which this account may not make. Run it as root; it is not skipped, because what was not tried is not known.\n')
    return 1
  }
  const again = spawnSync('unshare', ['--mount', '--propagation', 'private', process.execPath, ...process.execArgv, ...process.argv.slice(1)], { stdio: 'inherit', env: { ...process.env, POSTROAD_OWN_MOUNTS: '1' } })
  if (again.error !== undefined) process.stderr.write(`${again.error.message}\n`)
  return again.status ?? 1
}

async function main({ long, seconds, seed, kinds, keep, plant, planted, look }: Values): Promise<number> {
  const dice = seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(seed)
  const chosen = kinds?.split(',') as readonly FaultKind[] | undefined
  const given = seconds === undefined ? null : Number(seconds)
  if (planted) return everyPlanted(PLANTED, dice, given, keep)
  if (plant !== undefined) return everyPlanted(PLANTED.filter(({ name }) => plant.split(',').includes(name)), dice, given, keep)
  const length = given ?? (long ? LONG : SHORT).seconds
  tell(`seed ${dice}, ${length} s under fire`)
  const { violations, events, folder } = await playInFolder({ seed: dice, seconds: length, kinds: chosen ?? ALL_KINDS, execArgv: [], look: look ?? null, drainMs: paceOf(length).drainMs }, keep)
  for (const { rule, message, detail } of violations.slice(0, MOST_SHOWN)) tell(`${rule}\t${message}\t${detail}`)
  tell(`${events} events, ${violations.length} violations${folder === null ? '' : `; history and logs: ${folder}`}`)
  return violations.length === 0 ? 0 : 1
}

const MOST_SHOWN = 40
const PLANTED_SECONDS = 14
const PLANTED_DRAIN_MS = 60_000
const tell = (line: string): void => void process.stdout.write(`${line}\n`)

/** What goes wrong is kept to be looked at: the folder's name, or null. */
async function playInFolder(order: Omit<FireOrder, 'folder' | 'tell'>, keep: boolean): Promise<Played & { readonly folder: string | null }> {
  const folder = mkdtempSync('/tmp/postroad-faults-')
  chmodSync(folder, 0o711)
  const played = await playWithFire({ ...order, folder, tell })
  if (played.violations.length > 0 || keep) return { ...played, folder }
  rmSync(folder, { recursive: true, force: true })
  return { ...played, folder: null }
}

/** Every bug must be found; one that is not has been planted for nothing, or the checker is blind. */
async function everyPlanted(bugs: readonly PlantedBug[], seed: number, given: number | null, keep: boolean): Promise<number> {
  const missed: string[] = []
  for (const { name, words, kinds, seconds = PLANTED_SECONDS } of bugs) {
    process.env['POSTROAD_PLANT'] = name
    tell(`\n${name}: ${words} (seed ${seed})`)
    const { violations, folder } = await playInFolder({ seed, seconds: given ?? seconds, kinds, execArgv: ['--import', new URL('./plant.ts', import.meta.url).href], look: null, drainMs: PLANTED_DRAIN_MS }, keep)
    const rules = [...Map.groupBy(violations, ({ rule }) => rule)].map(([rule, all]) => `${rule} ×${all.length}`)
    tell(rules.length === 0 ? '  NOT FOUND' : `  found: ${rules.join(', ')}`)
    if (rules.length === 0) missed.push(name)
    if (folder !== null && !keep) rmSync(folder, { recursive: true, force: true })
  }
  tell(`\n${bugs.length - missed.length} of ${bugs.length} planted bugs found${missed.length === 0 ? '' : `; not found: ${missed.join(', ')}`}`)
  return missed.length === 0 && bugs.length > 0 ? 0 : 1
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      long: { type: 'boolean', default: false }, keep: { type: 'boolean', default: false }, planted: { type: 'boolean', default: false },
      seconds: { type: 'string' }, seed: { type: 'string' }, kinds: { type: 'string' }, plant: { type: 'string' }, look: { type: 'string' },
    },
  })
  process.exit(process.env['POSTROAD_OWN_MOUNTS'] === undefined ? inOwnMounts() : await main(values))
}
