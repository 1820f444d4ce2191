import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Operations, Reply } from './operations.ts'

export type { Operations } from './operations.ts'

export type Pool = {
  /** Runs one operation over a batch; the results stand in the order of the items. Rejects when an item throws (a key that is no key) or the pool closes. */
  run<Op extends keyof Operations>(op: Op, args: Operations[Op]['args']): Promise<Operations[Op]['result'][]>
  /** Ends the threads; batches under way are rejected. */
  close(): Promise<void>
}

type Task = { readonly op: keyof Operations; readonly args: { readonly items: readonly unknown[] }; resolve(results: readonly unknown[]): void; reject(error: Error): void }
type Member = { readonly worker: Worker; task: Task | null }

/** Items per message: small enough that both cores end together, large enough (some 10 ms of work) that messages cost nothing. */
const SLICE = 32

/** Worker threads that share out batches. The threads start on first use and do not keep the process alive while idle. */
export function createPool(size: number = availableParallelism()): Pool {
  const members: Member[] = []
  const waiting: Task[] = []
  let closed = false

  function start(): Member {
    const file = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js'
    const member: Member = { worker: new Worker(new URL(file, import.meta.url)), task: null }
    member.worker.on('message', (reply: Reply) => finish(member, reply))
    member.worker.on('error', (error: Error) => lose(member, error))
    member.worker.on('exit', () => lose(member, new Error('a worker thread ended')))
    members.push(member)
    return member
  }

  function finish(member: Member, reply: Reply): void {
    const { task } = member
    member.task = null
    member.worker.unref()
    if ('error' in reply) task?.reject(new Error(reply.error))
    else task?.resolve(reply.results)
    next()
  }

  /** A thread that dies takes only its slice with it; the next slice starts a fresh one. */
  function lose(member: Member, error: Error): void {
    const at = members.indexOf(member)
    if (at < 0) return
    members.splice(at, 1)
    member.task?.reject(error)
    next()
  }

  function next(): void {
    while (waiting.length > 0 && !closed) {
      const member = members.find(({ task }) => task === null) ?? (members.length < size ? start() : null)
      if (member === null) return
      const task = waiting.shift()!
      member.task = task
      member.worker.ref()
      member.worker.postMessage({ op: task.op, args: task.args })
    }
  }

  async function run<Op extends keyof Operations>(op: Op, args: Operations[Op]['args']): Promise<Operations[Op]['result'][]> {
    if (closed) throw new Error('the pool is closed')
    const slices: Promise<readonly unknown[]>[] = []
    for (let from = 0; from < args.items.length; from += SLICE) {
      const slice = { ...args, items: args.items.slice(from, from + SLICE) }
      slices.push(new Promise((resolve, reject) => waiting.push({ op, args: slice, resolve, reject })))
    }
    next()
    return (await Promise.all(slices)).flat() as Operations[Op]['result'][]
  }

  async function close(): Promise<void> {
    closed = true
    const error = new Error('the pool is closed')
    for (const task of waiting.splice(0)) task.reject(error)
    await Promise.all(
      members.splice(0).map(({ worker, task }) => {
        task?.reject(error)
        return worker.terminate()
      })
    )
  }

  return { run, close }
}
