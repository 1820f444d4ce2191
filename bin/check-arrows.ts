import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'

/**
 * The arrows of the house: `applications → platform → libraries`, rooms meet only at what their `package.json` exports, and there is no circle,
 * neither of files nor of rooms. A check of our own because no tool for it reads TypeScript 7 yet.
 */

const ROOT = join(import.meta.dirname, '..')
const LAYERS = ['libraries', 'platform', 'applications', 'desk', 'bench', 'e2e', 'bin'] as const
type Layer = (typeof LAYERS)[number]

/** What each layer may lean on besides itself. */
const BELOW: Readonly<Record<Layer, readonly Layer[]>> = {
  libraries: [],
  platform: ['libraries'],
  applications: ['platform', 'libraries', 'desk'],
  desk: ['applications', 'platform', 'libraries'],
  bench: LAYERS,
  e2e: LAYERS,
  bin: LAYERS,
}

/** What the browser loads, besides everything that the libraries export: nothing under it may reach for Node. */
const BROWSER_ENTRIES = ['desk/main.tsx', 'platform/keys/channel.ts']
/** Exports of libraries that are for Node only. */
const FOR_NODE = ['./node', './workers', './simulation', './simulation/checker']

export type Import = { readonly specifier: string; readonly typeOnly: boolean }
type Edge = { readonly from: string; readonly to: string; readonly typeOnly: boolean }
/** `node`: files with the `node:` modules that they load at run time. `entries`: files with which a browser may begin. */
type Graph = { readonly edges: readonly Edge[]; readonly node: ReadonlyMap<string, readonly string[]>; readonly entries: readonly string[]; readonly problems: readonly string[] }

/** Imports and re-exports of a source text. Our style puts one statement at a line's start, so no parser is needed. */
export function importsOf(source: string): Import[] {
  const statements = source.matchAll(/^\s*(?:import|export)(\s+type\b)?\s*(?:[\w*{}\s,$]*?\sfrom\s*)?'([^'\n]+)'/gm)
  const calls = source.matchAll(/\bimport\(\s*'([^'\n]+)'\s*\)/g)
  return [...statements].map(([, type, specifier = '']) => ({ specifier, typeOnly: type !== undefined })).concat([...calls].map(([, specifier = '']) => ({ specifier, typeOnly: false })))
}

const roomOf = (file: string): string => file.split('/').slice(0, isShelf(file) ? 2 : 1).join('/')
const layerOf = (file: string): Layer => file.split('/')[0] as Layer
/** Layers whose folders are rooms; the others are one room each. */
const isShelf = (file: string): boolean => ['libraries', 'platform', 'applications'].includes(layerOf(file))

function readGraph(files: readonly string[]): Graph {
  const rooms = readRooms()
  const edges: Edge[] = []
  const node = new Map<string, string[]>()
  const problems: string[] = []
  for (const file of files) {
    for (const { specifier, typeOnly } of importsOf(readFileSync(join(ROOT, file), 'utf8'))) {
      if (specifier.startsWith('node:')) {
        if (!typeOnly) node.set(file, [...(node.get(file) ?? []), specifier])
        continue
      }
      const to = specifier.startsWith('.') ? relative(ROOT, join(ROOT, dirname(file), specifier)).split(sep).join('/') : resolveRoom(rooms, specifier)
      if (to === null) continue
      if (to === undefined || !existsSync(join(ROOT, to))) problems.push(`${file}: ${specifier} is not exported by its room, or not there`)
      else edges.push({ from: file, to, typeOnly })
      if (specifier.startsWith('.') && to !== undefined && roomOf(to) !== roomOf(file)) problems.push(`${file}: ${specifier} reaches into another room; import it by its package`)
    }
  }
  return { edges, node, entries: [...BROWSER_ENTRIES, ...libraryEntries(rooms)], problems }
}

type Room = { readonly folder: string; readonly exports: Readonly<Record<string, string>> }

function readRooms(): ReadonlyMap<string, Room> {
  const manifests = globSync(['{libraries,platform,applications}/*/package.json', '{desk,bench,e2e,bin}/package.json'], { cwd: ROOT })
  return new Map(
    manifests.map((path) => {
      const { name, exports } = JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as { name: string; exports: Record<string, string> }
      return [name, { folder: dirname(path), exports }]
    }),
  )
}

const libraryEntries = (rooms: ReadonlyMap<string, Room>): string[] =>
  [...rooms.values()].filter(({ folder }) => layerOf(folder) === 'libraries').flatMap(({ folder, exports }) => Object.entries(exports).flatMap(([name, file]) => (FOR_NODE.includes(name) ? [] : [join(folder, file)])))

/** The file that `@postroad/<room>/<what>` stands for; null for other packages, undefined when the room does not export it. */
function resolveRoom(rooms: ReadonlyMap<string, Room>, specifier: string): string | null | undefined {
  if (!specifier.startsWith('@postroad/')) return null
  const [scope, name, ...rest] = specifier.split('/')
  const room = rooms.get(`${scope}/${name}`)
  if (room === undefined) return undefined
  const what = ['.', ...rest].join('/')
  const [pattern, open] = Object.entries(room.exports).find(([entry]) => entry.endsWith('/*') && what.startsWith(entry.slice(0, -1))) ?? []
  const target = room.exports[what] ?? (pattern === undefined ? undefined : open?.replace('*', what.slice(pattern.length - 1)))
  return target === undefined ? undefined : join(room.folder, target)
}

function layerProblems({ edges }: Graph): string[] {
  const wrong = edges.filter(({ from, to }) => {
    if (roomOf(from) === roomOf(to)) return false
    const sideways = layerOf(from) === layerOf(to) ? layerOf(from) !== 'applications' : false
    return !sideways && !BELOW[layerOf(from)].includes(layerOf(to))
  })
  const kernelUp = edges.filter(({ from, to }) => roomOf(from) === 'platform/kernel' && roomOf(to) !== 'platform/kernel')
  return [
    ...wrong.map(({ from, to }) => `${from} may not import ${to}`),
    ...kernelUp.map(({ from, to }) => `${from}: the kernel knows no room, but imports ${to}`),
  ]
}

/** Follows what is loaded at run time from the browser's entries. */
function browserProblems({ edges, node, entries }: Graph): string[] {
  const seen = new Map<string, string | null>(entries.map((entry) => [entry, null]))
  for (const [file] of seen) for (const { from, to, typeOnly } of edges) if (from === file && !typeOnly && !seen.has(to)) seen.set(to, file)
  return [...seen.keys()].filter((file) => node.has(file)).map((file) => `${file} imports ${node.get(file)?.join(', ')}, but the browser loads it: ${pathTo(seen, file)}`)
}

function pathTo(seen: ReadonlyMap<string, string | null>, file: string): string {
  const path = [file]
  for (let at = seen.get(file) ?? null; at !== null; at = seen.get(at) ?? null) path.unshift(at)
  return path.join(' → ')
}

/** The first circle found from each starting point, each circle once. */
export function circles(edges: readonly { readonly from: string; readonly to: string }[]): string[][] {
  const next = Map.groupBy(edges, ({ from }) => from)
  const done = new Set<string>()
  const found: string[][] = []
  const visit = (at: string, path: string[]): void => {
    const start = path.indexOf(at)
    if (start >= 0) return void found.push([...path.slice(start), at])
    if (done.has(at)) return
    for (const { to } of next.get(at) ?? []) visit(to, [...path, at])
    done.add(at)
  }
  for (const from of next.keys()) visit(from, [])
  return found
}

/** Every arrow that points the wrong way, in words. */
export function checkArrows(): string[] {
  const files = globSync(`{${LAYERS.join(',')}}/**/*.{ts,tsx}`, { cwd: ROOT, exclude: (path) => /node_modules|\/dist\b/.test(path) || path.endsWith('.d.ts') }).map((file) => file.split(sep).join('/'))
  const graph = readGraph(files)
  const rooms = graph.edges.filter(({ from, to }) => isShelf(from) && isShelf(to) && !/\.test\.tsx?$/.test(from)).map(({ from, to }) => ({ from: roomOf(from), to: roomOf(to) }))
  const loops = [...circles(graph.edges), ...circles(rooms.filter(({ from, to }) => from !== to))].map((circle) => `circle: ${circle.join(' → ')}`)
  return [...graph.problems, ...layerProblems(graph), ...browserProblems(graph), ...loops]
}
