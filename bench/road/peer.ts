/**
 * The peer: the same job done with S/MIME mail. A 10 kB document is signed and encrypted with `openssl cms`, carried by three Postfix servers
 * (sender's → relay → recipient's: two hops) on loopback, decrypted and verified by the recipient. Without TLS between the servers, without receipts
 * and without an audit ledger, all of which Postroad does: the comparison favours the peer.
 */
import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { percentile } from '../figure.ts'

const run = promisify(execFile)
const POSTFIX = '/usr/sbin/postfix'
const NOBODY = 65534

export const peerIsInstalled = (): boolean => existsSync(POSTFIX)

/** Debian's Postfix, on request only (`--install-peer`); needs root. */
export function installPeer(): void {
  execFileSync('apt-get', ['update', '-qq'], { stdio: 'ignore' })
  execFileSync('debconf-set-selections', { input: 'postfix postfix/main_mailer_type select No configuration\n' })
  execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'postfix', 'openssl'], { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
}

type Chain = { readonly port: number; readonly maildir: string; stop(): void }

function startChain(folder: string, firstPort: number): Chain {
  const mailbox = join(folder, 'mail')
  mkdirSync(join(mailbox, 'county'), { recursive: true })
  execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, mailbox])
  const instances = [0, 1, 2].map((hop) => {
    const config = join(folder, `postfix-${hop}`)
    const queue = join(folder, `queue-${hop}`)
    const data = join(folder, `data-${hop}`)
    for (const path of [config, queue, data]) mkdirSync(path)
    execFileSync('chown', ['postfix', data])
    const next = hop < 2 ? [`relayhost = [127.0.0.1]:${firstPort + hop + 1}`, 'relay_domains = county.test'] : ['virtual_mailbox_domains = county.test', `virtual_mailbox_base = ${mailbox}`, 'virtual_mailbox_maps = static:county/', `virtual_uid_maps = static:${NOBODY}`, `virtual_gid_maps = static:${NOBODY}`, 'virtual_transport = virtual']
    writeFileSync(join(config, 'main.cf'), ['compatibility_level = 3.6', `queue_directory = ${queue}`, `data_directory = ${data}`, 'command_directory = /usr/sbin', 'daemon_directory = /usr/lib/postfix/sbin', `myhostname = hop${hop}.test`, 'inet_interfaces = 127.0.0.1', 'inet_protocols = ipv4', 'mynetworks = 127.0.0.0/8', 'mydestination =', 'maillog_file = /dev/null', 'maillog_file_prefixes = /dev', 'disable_dns_lookups = yes', 'smtp_host_lookup = native', 'smtpd_client_connection_count_limit = 0', 'in_flow_delay = 0', ...next, ''].join('\n'))
    const services = ['pickup unix n - n 60 1 pickup', 'cleanup unix n - n - 0 cleanup', 'qmgr unix n - n 300 1 qmgr', 'rewrite unix - - n - - trivial-rewrite', 'bounce unix - - n - 0 bounce', 'defer unix - - n - 0 bounce', 'trace unix - - n - 0 bounce', 'smtp unix - - n - - smtp', 'relay unix - - n - - smtp', 'virtual unix - n n - - virtual', 'error unix - - n - - error', 'retry unix - - n - - error', 'anvil unix - - n - 1 anvil', 'scache unix - - n - 1 scache', 'proxymap unix - - n - - proxymap', 'tlsmgr unix - - n 1000? 1 tlsmgr', 'postlog unix-dgram n - n - 1 postlogd']
    writeFileSync(join(config, 'master.cf'), [`127.0.0.1:${firstPort + hop} inet n - n - - smtpd`, ...services, ''].join('\n'))
    execFileSync(POSTFIX, ['-c', config, 'start'], { stdio: 'ignore' })
    return config
  })
  return {
    port: firstPort,
    maildir: join(mailbox, 'county', 'new'),
    stop: () => {
      for (const config of instances) execFileSync(POSTFIX, ['-c', config, 'stop'], { stdio: 'ignore' })
    },
  }
}

function makeKeys(folder: string): void {
  for (const who of ['sender', 'recipient']) {
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${who}`, '-keyout', join(folder, `${who}.key`), '-out', join(folder, `${who}.pem`)], { stdio: 'ignore' })
  }
}

async function sendOne(folder: string, port: number, id: number): Promise<void> {
  const at = (name: string) => join(folder, name)
  await run('openssl', ['cms', '-sign', '-binary', '-nodetach', '-in', at('document'), '-signer', at('sender.pem'), '-inkey', at('sender.key'), '-outform', 'DER', '-out', at(`${id}.p7s`)])
  await run('openssl', ['cms', '-encrypt', '-binary', '-aes256', '-in', at(`${id}.p7s`), '-inform', 'DER', '-out', at(`${id}.eml`), at('recipient.pem')])
  const { stdout } = await run('cat', [at(`${id}.eml`)], { maxBuffer: 1 << 24 })
  await mail(port, `Subject: ${id}\r\n${stdout.replaceAll(/\r?\n/g, '\r\n')}`)
}

/** One SMTP conversation (RFC 5321 §3.3). */
async function mail(port: number, text: string): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  const say = conversation(socket)
  await say(null)
  for (const line of ['HELO bench.test', 'MAIL FROM:<province@province.test>', 'RCPT TO:<county@county.test>', 'DATA', `${text.replaceAll(/^\./gm, '..')}\r\n.`, 'QUIT']) await say(line)
  socket.destroy()
}

function conversation(socket: Socket): (line: string | null) => Promise<void> {
  return (line) =>
    new Promise((resolve, reject) => {
      socket.once('error', reject)
      socket.once('data', (reply) => (/^[23]/.test(reply.toString()) ? resolve() : reject(new Error(`postfix refused: ${reply.toString()}`))))
      if (line !== null) socket.write(`${line}\r\n`)
    })
}

async function openOne(folder: string, file: string): Promise<number> {
  const id = Number(execFileSync('sed', ['-n', 's/^Subject: //p', file]).toString().trim())
  await run('openssl', ['cms', '-decrypt', '-binary', '-in', file, '-recip', join(folder, 'recipient.pem'), '-inkey', join(folder, 'recipient.key'), '-out', `${file}.p7s`])
  await run('openssl', ['cms', '-verify', '-binary', '-inform', 'DER', '-in', `${file}.p7s`, '-CAfile', join(folder, 'sender.pem'), '-purpose', 'any', '-out', `${file}.out`])
  return id
}

/** Documents per second from first submission to last verified opening, and p95 of one document's way in milliseconds at half that rate. */
export async function measurePeer(documentBytes: number, count: number, concurrency: number): Promise<{ perSecond: number; p95: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'postroad-peer-'))
  execFileSync('chmod', ['755', folder])
  writeFileSync(join(folder, 'document'), Buffer.alloc(documentBytes, '关于'))
  makeKeys(folder)
  const chain = startChain(folder, 20_250 + (process.pid % 1000) * 3)
  try {
    const full = await load(folder, chain, count, (_) => 0, concurrency)
    const gap = (1000 / (count / full.seconds)) * 2
    const half = await load(folder, chain, Math.ceil(count / 2), (index) => index * gap, concurrency)
    return { perSecond: count / full.seconds, p95: percentile(half.latencies, 0.95) }
  } finally {
    chain.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function load(folder: string, chain: Chain, count: number, due: (index: number) => number, concurrency: number): Promise<{ seconds: number; latencies: number[] }> {
  const begun = performance.now()
  const sent = new Map<number, number>()
  const latencies: number[] = []
  let next = 0
  const sender = async () => {
    for (let id = next++; id < count; id = next++) {
      await sleep(Math.max(0, begun + due(id) - performance.now()))
      sent.set(id, performance.now())
      await sendOne(folder, chain.port, id)
    }
  }
  const opened = join(folder, 'opened')
  mkdirSync(opened, { recursive: true })
  const recipient = async () => {
    while (latencies.length < count) {
      const files = existsSync(chain.maildir) ? readdirSync(chain.maildir) : []
      if (files.length === 0) await sleep(5)
      await Promise.all(
        files.slice(0, concurrency).map(async (name) => {
          const file = join(opened, name)
          renameSync(join(chain.maildir, name), file)
          latencies.push(performance.now() - (sent.get(await openOne(folder, file)) ?? begun))
        }),
      )
    }
  }
  await Promise.all([...Array.from({ length: concurrency }, sender), recipient()])
  return { seconds: (performance.now() - begun) / 1000, latencies }
}
