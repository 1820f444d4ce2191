import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, readlinkSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

/** A file system of its own for one node, whose power can be cut and which can be filled. */
export type Disk = { readonly folder: string; cutPower(): Promise<void>; /** Bytes. */ room(): number; fill(): void; free(): void; remove(): Promise<void> }

/** EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH: from now on every write fails, and what was not flushed is gone. */
const SHUTDOWN = 'open(my $f, "<", $ARGV[0]) or die $!; my $flags = pack("I", 2); ioctl($f, 0x8004587D, $flags) or die "ioctl: $!"'

const run = (command: string, ...args: string[]): void => void execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })

/** `bytes` is its size; the image takes of the machine what is written. @throws Error where this machine forbids loop devices: a power cut cannot be played there */
export function makeDisk(root: string, name: string, bytes: number): Disk {
  const image = join(root, `${name}.img`)
  const folder = join(root, name)
  mkdirSync(folder, { mode: 0o711 })
  writeFileSync(image, '')
  truncateSync(image, bytes)
  run('mkfs.ext4', '-q', '-F', '-m', '0', '-E', 'lazy_itable_init=1,lazy_journal_init=1', image)
  const mount = (): void => {
    run('mount', '-o', 'loop', image, folder)
    run('chmod', '0711', folder)
  }
  mount()
  const ballast = join(folder, 'ballast')
  const room = (): number => {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize
  }
  return {
    folder,
    async cutPower() {
      run('perl', '-e', SHUTDOWN, folder)
      await unmount(folder)
      mount()
      rmSync(ballast, { force: true })
    },
    room,
    fill: () => fallocate(ballast, room()),
    free: () => rmSync(ballast, { force: true }),
    async remove() {
      await unmount(folder)
      rmSync(image, { force: true })
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Takes what is left, piece by piece: what is free when asked may be taken a moment later. */
function fallocate(path: string, bytes: number): void {
  for (let size = bytes, at = 0; size > 4096; ) {
    try {
      run('fallocate', '-o', String(at), '-l', String(size), path)
      at += size
    } catch {
      size = Math.floor(size / 2)
    }
  }
}

/** Whoever still works on the disk died with the power. */
async function unmount(folder: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    for (const pid of workingOn(folder)) safely(() => process.kill(pid, 'SIGKILL'), false) // it may have ended by itself
    try {
      return run('umount', folder)
    } catch (error) {
      if (attempt === 100) throw error
      await wait(50)
    }
  }
}

/** Processes whose folder, files or POSTROAD_HOME lie on the disk; the network alone works there. */
function workingOn(folder: string): number[] {
  const isUnder = (path: string): boolean => path === folder || path.startsWith(`${folder}/`)
  const links = (pid: string): string[] => [safely(() => readlinkSync(`/proc/${pid}/cwd`), ''), ...safely(() => readdirSync(`/proc/${pid}/fd`), []).map((fd) => safely(() => readlinkSync(`/proc/${pid}/fd/${fd}`), ''))]
  const homeOf = (pid: string): string => safely(() => readFileSync(`/proc/${pid}/environ`, 'latin1'), '').split('\0').find((entry) => entry.startsWith('POSTROAD_HOME='))?.slice('POSTROAD_HOME='.length) ?? ''
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid).filter((pid) => isUnder(homeOf(pid)) || links(pid).some(isUnder)).map(Number)
}

/** A process may end while one looks at it. */
function safely<T>(look: () => T, otherwise: T): T {
  try {
    return look()
  } catch {
    return otherwise
  }
}
