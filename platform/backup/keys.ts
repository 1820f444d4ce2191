import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { base64url, hex } from '@postroad/gm'
import { suites } from '@postroad/gm/node'
import { directoryId } from '@postroad/waybill'
import { homeSigner } from '@postroad/directory/service'
import { z } from 'zod'
import { backupFaults } from './words.ts'

const text = z.string().regex(/^[A-Za-z0-9_-]+$/)
/** `<home>/keys/backup.json`: with it backups are sealed; it opens none. */
const backupKey = z.strictObject({ v: z.literal(1), id: z.string().length(16), suite: z.enum(['SM', 'P256']), publicKey: text })
export type BackupKey = z.infer<typeof backupKey>

/** The recovery file: opens the backups, and names the keys that the node signs them with. Kept away from node and backups. */
const recoveryKey = backupKey.extend({ node: directoryId, privateKey: text, signers: z.array(z.strictObject({ id: directoryId, suite: z.enum(['SM', 'P256']), publicKey: text })).min(1) })
export type RecoveryKey = z.infer<typeof recoveryKey>

const pathOf = (home: string): string => join(home, 'keys', 'backup.json')

/** Makes the node's backup key once: the public half stays in the home, the private half goes into `out` and nowhere else. @throws backup.keyExists */
export function makeBackupKey(home: string, out: string, suite: 'SM' | 'P256' = 'SM'): RecoveryKey {
  if (existsSync(pathOf(home)) || existsSync(out)) throw backupFaults.keyExists()
  const { node, publicKeys } = homeSigner(home)
  const pair = suites[suite].generateKeyPair()
  const own: BackupKey = { v: 1, id: hex(suites[suite].hash(pair.publicKey)).slice(0, 16), suite, publicKey: base64url(pair.publicKey) }
  const recovery: RecoveryKey = { ...own, node, privateKey: base64url(pair.privateKey), signers: publicKeys.map(({ id, suite: of, publicKey }) => ({ id, suite: of, publicKey })) }
  writeFileSync(out, `${JSON.stringify(recovery, null, 2)}\n`, { mode: 0o600, flag: 'wx', flush: true })
  writeFileSync(pathOf(home), JSON.stringify(own), { mode: 0o600, flag: 'wx', flush: true })
  return recovery
}

/** @throws backup.noKey */
export function readBackupKey(home: string): BackupKey {
  if (!existsSync(pathOf(home))) throw backupFaults.noKey()
  return backupKey.parse(JSON.parse(readFileSync(pathOf(home), 'utf8')))
}

/** @throws backup.badKeyFile */
export function readRecoveryKey(file: string): RecoveryKey {
  try {
    return recoveryKey.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (cause) {
    throw Object.assign(backupFaults.badKeyFile(), { cause })
  }
}
