import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { freePort } from '@postroad/kernel/testing'
import { AwsClient } from 'aws4fetch'

/** A store behind the test's door: where it listens, and the keys to its one bucket `bodies`. */
export type TestStore = { readonly port: number; readonly accessKeyId: string; readonly secretAccessKey: string; stop(): Promise<void> }

const KEYS = { accessKeyId: 'POSTROAD', secretAccessKey: 'under-test-only' }
/** One command, or the first answer of the gateway. */
const PATIENCE_MS = 60_000

/**
 * A Ceph of one monitor, one storage daemon in memory and one gateway, of Debian's packages ceph-mon, ceph-osd, ceph-mgr and radosgw, in a folder of its own.
 * Without a manager: it only counts. @throws where the packages are not installed
 */
export async function startCeph(): Promise<TestStore> {
  const folder = mkdtempSync(join(tmpdir(), 'ceph-'))
  const [monitorPort, port, config] = [await freePort(), await freePort(), join(folder, 'ceph.conf')]
  const fsid = randomUUID()
  for (const name of ['mon', 'osd', 'run']) mkdirSync(join(folder, name))
  writeFileSync(config, settings({ folder, fsid, monitorPort, port }))
  const run = (command: string, ...args: string[]): string => execFileSync(command, args, { encoding: 'utf8', env: { ...process.env, CEPH_CONF: config }, timeout: PATIENCE_MS, stdio: ['ignore', 'pipe', 'pipe'] })
  const daemons: ChildProcess[] = []
  const daemon = (command: string, ...args: string[]): void => void daemons.unshift(spawn(command, ['-f', '-c', config, ...args], { stdio: 'ignore' }))
  const stop = async (): Promise<void> => {
    for (const each of daemons) {
      if (each.exitCode === null && each.kill()) await once(each, 'exit')
    }
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    run('monmaptool', '--create', '--addv', 'a', `[v1:127.0.0.1:${monitorPort}]`, '--fsid', fsid, join(folder, 'monmap'))
    run('ceph-mon', '--mkfs', '-i', 'a', '--monmap', join(folder, 'monmap'), '-c', config)
    daemon('ceph-mon', '-i', 'a')
    const disk = randomUUID()
    run('ceph', 'osd', 'new', disk)
    run('ceph-osd', '--mkfs', '-i', '0', '--osd-uuid', disk, '-c', config)
    daemon('ceph-osd', '-i', '0')
    while (!run('ceph', 'osd', 'stat').includes(' 1 up')) await wait(500) // pools made before would wait for ever
    run('radosgw-admin', 'user', 'create', '--uid=postroad', '--display-name=postroad', `--access-key=${KEYS.accessKeyId}`, `--secret-key=${KEYS.secretAccessKey}`)
    daemon('radosgw', '-n', 'client.gateway')
    await makeBucket(port)
  } catch (error) {
    await stop()
    throw error
  }
  return { port, ...KEYS, stop }
}

async function makeBucket(port: number): Promise<void> {
  const client = new AwsClient({ ...KEYS, region: 'us-east-1', service: 's3', retries: 0 })
  for (const end = performance.now() + PATIENCE_MS; ; await wait(200)) {
    const answer = await client.fetch(`http://127.0.0.1:${port}/bodies`, { method: 'PUT' }).catch(() => null)
    if (answer?.status === 200) return
    if (performance.now() > end) throw new Error(`the gateway does not make a bucket: ${answer?.status ?? 'no answer'}`)
  }
}

const settings = ({ folder, fsid, monitorPort, port }: { readonly folder: string; readonly fsid: string; readonly monitorPort: number; readonly port: number }): string => `[global]
fsid = ${fsid}
mon_initial_members = a
mon_host = v1:127.0.0.1:${monitorPort}
ms_bind_msgr2 = false
public_addr = 127.0.0.1
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
run_dir = ${folder}/run
admin_socket = ${folder}/run/$name.asok
pid_file = ${folder}/run/$name.pid
crash_dir = ${folder}/run
log_file = ${folder}/$name.log
mon_data = ${folder}/mon
osd_data = ${folder}/osd
rgw_data = ${folder}/run
osd_objectstore = memstore
memstore_device_bytes = 1073741824
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
mon_data_avail_crit = 1
mon_data_avail_warn = 1
rgw_frontends = beast endpoint=127.0.0.1:${port}
`
