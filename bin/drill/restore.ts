import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { listBackups, makeBackupKey, readRecoveryKey, restore, verifyBackup } from '@postroad/backup/service'
import { type Stations, startStations } from '@postroad/road/testing/machines'
import { PLACES, type Sent, type Verdict, compare, keepSending, signForAll, submit } from './traffic.ts'

export type RestoreDrill = Verdict & {
  readonly backup: string
  readonly moment: string
  /** From the loss of the machine to the restored node's first answer. */
  readonly seconds: number
  /** Documents that the node's own organs had handed in after the moment, and handed in again. */
  readonly repeated: number
}

/**
 * Three nodes under traffic; the one in the middle loses its machine and comes back from its backup, as far as the archive reaches or to an earlier moment;
 * then both ends are compared. Everything is real: processes, databases, the archive, kill -9.
 */
export async function drillRestore(to: 'latest' | 'earlier', say: (words: string) => void): Promise<RestoreDrill> {
  const scratch = mkdtempSync('/tmp/postroad-drill-')
  chmodSync(scratch, 0o711)
  const folder = join(scratch, 'backup')
  const stations = await startStations(PLACES, undefined, { entry: new URL('./station.ts', import.meta.url), ownDatabase: true, env: (id) => (id === 'city' ? { POSTROAD_BACKUP: folder } : {}) })
  try {
    return await run(stations, { scratch, folder, to, say })
  } finally {
    await stations.stop()
    rmSync(scratch, { recursive: true, force: true })
  }
}

type Run = { readonly scratch: string; readonly folder: string; readonly to: 'latest' | 'earlier'; say(words: string): void }

async function run(stations: Stations, { scratch, folder, to, say }: Run): Promise<RestoreDrill> {
  const city = stations.at('city')
  const keyFile = join(scratch, 'recovery.json')
  makeBackupKey(city.home(), keyFile)
  say('三个节点在运行，开始收发公文')
  let over = false
  const sending = keepSending(stations, () => over)
  await until(() => listBackups(folder).length > 0)
  const [first] = listBackups(folder)
  say(`第一份备份已完成：${first?.manifest.id}`)
  await wait(1500)
  const earlier = new Date()
  await wait(1500)
  over = true
  const sent = await sending
  const end = new Date()
  await until(() => (listBackups(folder)[0]?.reached?.at ?? '') > end.toISOString())
  await signForAll(stations, sent.slice(0, Math.floor(sent.length / 3)))
  const began = performance.now()
  await city.destroy()
  rmSync(city.home(), { recursive: true, force: true })
  say('中间节点的机器已毁：进程、数据库、目录都没有了')
  const key = readRecoveryKey(keyFile)
  await verifyBackup(folder, key, say)
  const home = `${city.home()}-new`
  const restored = await restore({ folder, home, key, at: to === 'latest' ? null : earlier, data: null, say })
  city.moveTo(home)
  await city.start()
  const seconds = (performance.now() - began) / 1000
  say(`已恢复到 ${restored.moment}，用时 ${seconds.toFixed(1)} 秒`)
  const forgotten = sent.filter(({ from, acknowledged }) => from === 'c.party' && acknowledged > new Date(restored.moment))
  await repeat(stations, forgotten)
  const more = await someMore(stations)
  await signForAll(stations, [...sent, ...more])
  return { ...(await compare(stations, [...sent, ...more])), backup: restored.backup, moment: restored.moment, seconds, repeated: forgotten.length }
}

/** What a terminal does with a document that its node does not know any more: it hands the same one in again. */
const repeat = async (stations: Stations, forgotten: readonly Sent[]): Promise<void> => {
  for (const { letter, from } of forgotten) await submit(stations, from, letter)
}

async function someMore(stations: Stations): Promise<Sent[]> {
  let left = 12
  return keepSending(stations, () => left-- === 0)
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await wait(50)
}
