import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, symlink, writeFile, access } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inflate } from '@sparticuz/chromium'
import { type Browser, chromium } from 'playwright-core'

/**
 * Our own arguments: the package's defaults switch off web security and force a single process, which would hide real faults.
 * Nothing may be fetched that a page did not ask for.
 */
const ARGUMENTS = [
  '--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', '--no-default-browser-check', '--no-pings', '--hide-scrollbars', '--mute-audio',
  '--disable-background-networking', '--disable-component-update', '--disable-domain-reliability', '--disable-sync', '--disable-quic', '--disable-default-apps',
  '--disable-client-side-phishing-detection', '--disable-breakpad', '--disable-dev-shm-usage', '--font-render-hinting=none', '--lang=zh-CN',
  '--disable-features=Translate,OptimizationHints,MediaRouter,AutofillServerCommunication',
]

const fontFolder = () => dirname(fileURLToPath(import.meta.resolve('@expo-google-fonts/noto-sans-sc/package.json')))
const chromiumBin = () => join(dirname(fileURLToPath(import.meta.resolve('@sparticuz/chromium'))), '..', 'bin')
const exists = (path: string) => access(path).then(() => true, () => false)

/** One cache per user: another user's files in a shared temporary folder could neither be run nor trusted. */
const cacheFolder = () => join(tmpdir(), `postroad-browser-${process.getuid?.() ?? 'user'}`)

/** Unpacks browser, its libraries and a font configuration once; answers their folder. Safe against two runs at the same time. */
async function unpack(): Promise<string> {
  const target = join(cacheFolder(), 'chromium-153-1')
  if (await exists(join(target, 'fonts.conf'))) return target
  await mkdir(cacheFolder(), { recursive: true, mode: 0o700 })
  const folder = await mkdtemp(join(cacheFolder(), 'unpacking-'))
  const outer = process.env['TMPDIR']
  process.env['TMPDIR'] = folder // the package unpacks to the temporary folder of the moment
  try {
    await inflate(join(chromiumBin(), 'chromium.br'))
    await inflate(join(chromiumBin(), 'al2023.tar.br'))
  } finally {
    if (outer === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = outer
  }
  await mkdir(join(folder, 'fonts'))
  await symlink(fontFolder(), join(folder, 'fonts', 'noto-sans-sc'))
  await writeFile(join(folder, 'fonts.conf'), fontConfiguration(target))
  await rename(folder, target).catch(async () => rm(folder, { recursive: true, force: true }))
  return target
}

const fontConfiguration = (folder: string) => `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${folder}/fonts</dir>
  <cachedir>${folder}/font-cache</cachedir>
  <alias><family>sans-serif</family><prefer><family>Noto Sans SC</family></prefer></alias>
  <alias><family>serif</family><prefer><family>Noto Sans SC</family></prefer></alias>
  <alias><family>monospace</family><prefer><family>Noto Sans SC</family></prefer></alias>
</fontconfig>
`

/** A real Chromium with Chinese fonts, all from npm; works as root and unprivileged. The caller closes it. */
export async function launchBrowser(): Promise<Browser> {
  const folder = await unpack()
  const libraries = join(folder, 'al2023', 'lib')
  const profile = await mkdtemp(join(cacheFolder(), 'profile-'))
  const browser = await chromium.launch({
    executablePath: join(folder, 'chromium'),
    ignoreDefaultArgs: true,
    args: [...ARGUMENTS, '--remote-debugging-pipe', `--user-data-dir=${profile}`, 'about:blank'],
    env: { ...definedEnvironment(), FONTCONFIG_FILE: join(folder, 'fonts.conf'), LD_LIBRARY_PATH: libraries, HOME: folder },
  })
  browser.on('disconnected', () => rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }))
  return browser
}

function definedEnvironment(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined))
}
