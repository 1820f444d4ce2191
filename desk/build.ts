import { createHash } from 'node:crypto'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brotliCompress, constants } from 'node:zlib'
import react from '@vitejs/plugin-react'
import { build, type InlineConfig } from 'vite'

const desk = fileURLToPath(new URL('.', import.meta.url))
const root = join(desk, '..')
export const DIST = join(desk, 'dist')
/** Holds the hash of the sources that `dist` was made from. */
const STAMP = '.sources'
/** Names of the assets that this build itself made. */
const OWN = '.assets.json'
/** Which chunk comes from which module and what it needs: read by the tests of size and floor. */
export const MANIFEST = join(DIST, '.vite', 'manifest.json')
const SOURCES = ['desk', 'applications', 'libraries', 'platform/keys', 'platform/watch', 'package-lock.json']
const IGNORED = new Set(['node_modules', 'dist', 'migrations', 'vectors', 'simulation'])
const COMPRESSED = /\.(js|css|html|svg|json|wasm)$/

/** The browsers of our users: Chromium 90 and later. */
export const FLOOR = 'chrome90'

const configurationFor = (outDir: string): InlineConfig => ({
  configFile: false,
  mode: 'production',
  root: desk,
  logLevel: 'warn',
  plugins: [react()],
  worker: { format: 'es' },
  build: { outDir, emptyOutDir: true, manifest: true, target: FLOOR, cssTarget: FLOOR, assetsInlineLimit: 0, reportCompressedSize: false, modulePreload: { polyfill: false }, chunkSizeWarningLimit: 1500 },
})

async function* files(path: string): AsyncGenerator<string> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => null)
  if (entries === null) {
    yield path
    return
  }
  for (const entry of entries.sort((one, other) => (one.name < other.name ? -1 : 1))) {
    if (IGNORED.has(entry.name) || /\.test\.tsx?$|\.md$/.test(entry.name)) continue
    if (entry.isDirectory()) yield* files(join(path, entry.name))
    else yield join(path, entry.name)
  }
}

async function sourcesHash(): Promise<string> {
  const hash = createHash('sha256')
  for (const source of SOURCES) {
    for await (const path of files(join(root, source))) hash.update(relative(root, path)).update('\0').update(await readFile(path)).update('\0')
  }
  return hash.digest('hex')
}

async function compressAll(folder: string): Promise<void> {
  const compress = promisify(brotliCompress)
  for await (const path of files(folder)) {
    if (!COMPRESSED.test(path)) continue
    const content = await readFile(path)
    await writeFile(`${path}.br`, await compress(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length } }))
  }
}

/**
 * Builds the desk into `desk/dist` with hashed names and `.br` beside each file. Does nothing when the sources are those of the last build.
 * It is made elsewhere and moved in whole, so that a node serving the old one, or a second build at the same time, never sees half of it.
 */
export async function buildDesk(): Promise<{ built: boolean }> {
  const hash = await sourcesHash()
  if (await isBuilt(hash)) return { built: false }
  const cache = join(root, 'node_modules', '.cache')
  await mkdir(cache, { recursive: true })
  const made = await mkdtemp(join(cache, 'desk-'))
  try {
    await asProduction(() => build(configurationFor(made)))
    await compressAll(made)
    await keepLastAssets(made)
    await writeFile(join(made, STAMP), hash)
    await rm(DIST, { recursive: true, force: true })
    await rename(made, DIST)
  } catch (thrown) {
    await rm(made, { recursive: true, force: true })
    if (!(await isBuilt(hash))) throw thrown // else somebody else was faster
  }
  return { built: true }
}

/** Tests run with another NODE_ENV, which Vite would heed: React's development build, half as large again. */
async function asProduction(work: () => Promise<unknown>): Promise<void> {
  const outer = process.env['NODE_ENV']
  process.env['NODE_ENV'] = 'production'
  try {
    await work()
  } finally {
    if (outer === undefined) delete process.env['NODE_ENV']
    else process.env['NODE_ENV'] = outer
  }
}

/** Pages that are open while a new desk comes in still find the parts they load later: the assets of the last build stay for one more. */
async function keepLastAssets(made: string): Promise<void> {
  const own = await readdir(join(made, 'assets'))
  const last = JSON.parse(await readFile(join(DIST, OWN), 'utf8').catch(() => '[]')) as string[]
  for (const name of last) if (!own.includes(name)) await copyFile(join(DIST, 'assets', name), join(made, 'assets', name))
  await writeFile(join(made, OWN), JSON.stringify(own))
}

const isBuilt = async (hash: string): Promise<boolean> => (await readFile(join(DIST, STAMP), 'utf8').catch(() => '')) === hash

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const started = performance.now()
  const { built } = await buildDesk()
  process.stdout.write(built ? `desk built in ${Math.round(performance.now() - started)} ms\n` : 'desk is up to date\n')
}
