import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { faultCatalogue } from '@postroad/kernel/errors'

/** The rules of the house that no other tool knows: sizes, names, a README in every room, every fault explained. */

const ROOT = join(import.meta.dirname, '..')
const LONGEST = 400
const FORBIDDEN_NAMES = /^(utils?|helpers?|common|misc|shared|lib)(\.\w+)*$/
/** A test that does not run proves nothing, so none may be switched off, not even by condition. */
const SWITCHED_OFF = /\b(it|test|describe)(\.\w+)*\.(skip|todo|only|skipIf|runIf|fails)\b/
const FAULTS = 'docs/faults.md'

const sources = (pattern: string): string[] =>
  globSync(`{libraries,platform,applications,desk,bench,e2e,bin}/${pattern}`, { cwd: ROOT, exclude: (path) => /(^|\/)(node_modules|dist)(\/|$)/.test(path) })

/** Everything that breaks a rule, in words. */
export async function checkHouse(): Promise<string[]> {
  const problems = [...longFiles(), ...badNames(), ...missingReadmes(), ...switchedOffTests(), ...strayFaults()]
  const expected = await faultsPage()
  const page = join(ROOT, FAULTS)
  if (!existsSync(page) || readFileSync(page, 'utf8') !== expected) problems.push(`${FAULTS} does not show the fault catalogue as it is; run: node bin/check-house.ts --write`)
  return problems
}

function longFiles(): string[] {
  return sources('**/*.{ts,tsx,css,sql}').flatMap((file) => {
    const lines = readFileSync(join(ROOT, file), 'utf8').split('\n').length - 1
    return lines > LONGEST ? [`${file} has ${lines} lines; a file that outgrows ${LONGEST} becomes a folder of files named after what they do`] : []
  })
}

function badNames(): string[] {
  return sources('**/*').flatMap((path) => (FORBIDDEN_NAMES.test(basename(path)) ? [`${path}: a name that says nothing`] : []))
}

function missingReadmes(): string[] {
  const rooms = [...globSync('{libraries,platform,applications}/*/package.json', { cwd: ROOT }), ...['desk', 'bench', 'e2e', 'bin'].map((room) => `${room}/package.json`)]
  return rooms.map((path) => path.replace('package.json', 'README.md')).flatMap((path) => (existsSync(join(ROOT, path)) ? [] : [`${path} is missing`]))
}

function switchedOffTests(): string[] {
  return sources('**/*.test.{ts,tsx}').flatMap((file) => (SWITCHED_OFF.test(readFileSync(join(ROOT, file), 'utf8')) ? [`${file}: a test is switched off or runs alone`] : []))
}

/** The catalogue is read from the `words.ts` of the rooms, so faults must be defined there. */
function strayFaults(): string[] {
  const files = sources('**/*.ts').filter((file) => !file.endsWith('/words.ts') && !file.startsWith('platform/kernel/') && !file.startsWith('bin/check') && !file.endsWith('.test.ts'))
  return files.flatMap((file) => (/\bdefineFaults\(/.test(readFileSync(join(ROOT, file), 'utf8')) ? [`${file}: faults belong into the room’s words.ts`] : []))
}

/** The manual's page of all faults, made from the catalogue. */
async function faultsPage(): Promise<string> {
  for (const file of globSync('{platform,applications}/*/words.ts', { cwd: ROOT }).toSorted()) await import(join(ROOT, file))
  const rows = [...faultCatalogue()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([code, { status, message, advice }]) => `| \`${code}\` | ${status} | ${message} | ${advice} |`)
  return `${HEADING}\n${rows.join('\n')}\n`
}

const HEADING = `# Faults

Every refusal carries one of these codes: \`{ "error": { "code", "message", "advice", "detail" } }\`. Made from the rooms’ \`words.ts\` by
\`node bin/check-house.ts --write\`; the check fails when this page and the code differ.

| code | status | what people read | what to do |
|---|---|---|---|`

if (import.meta.main && process.argv.includes('--write')) writeFileSync(join(ROOT, FAULTS), await faultsPage())
