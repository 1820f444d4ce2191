import { type ChildProcess, fork } from 'node:child_process'
import type { Answer } from './orders.ts'

/** A process that answers orders, started again on what it left behind. */
export type Child<O> = {
  /** @throws Error with the answer's `code`, or 「station died」 */
  ask<T>(order: O): Promise<T>
  start(): Promise<void>
  kill(): Promise<void>
  /** Waits until the process is dead. */
  died(): Promise<void>
  pid(): number | null
}

type Asked = { resolve(value: unknown): void; reject(error: Error): void }
const DEAD = 'station died'

/** `output`: a file descriptor for what it prints; nothing is kept without. */
export function childProcess<O>(entry: URL, env: NodeJS.ProcessEnv, options: { readonly execArgv?: readonly string[]; readonly output?: number } = {}): Child<O> {
  const waiting = new Map<number, Asked>()
  let child: ChildProcess | null = null
  let dead: Promise<void> = Promise.resolve()
  let count = 0
  const start = async (): Promise<void> => {
    const born = fork(entry, { env, execArgv: [...(options.execArgv ?? [])], serialization: 'advanced', stdio: ['ignore', options.output ?? 'ignore', options.output ?? 'inherit', 'ipc'] })
    child = born
    const ready = new Promise<unknown>((resolve, reject) => waiting.set(0, { resolve, reject }))
    born.on('message', (answer: Answer) => {
      const asked = waiting.get(answer.number)
      waiting.delete(answer.number)
      if (answer.code === undefined) asked?.resolve(answer.value)
      else asked?.reject(Object.assign(new Error(answer.code), { code: answer.code }))
    })
    dead = new Promise((resolve) => born.once('exit', () => {
      for (const { reject } of waiting.values()) reject(new Error(DEAD))
      waiting.clear()
      resolve()
    }))
    await ready
  }
  return {
    start,
    kill: async () => {
      child?.kill('SIGKILL')
      await dead
    },
    died: () => dead,
    pid: () => child?.pid ?? null,
    ask: <T>(order: O): Promise<T> =>
      new Promise<T>((resolve, reject) => {
        count += 1
        waiting.set(count, { resolve: (value) => resolve(value as T), reject })
        if (child === null || child.exitCode !== null || child.signalCode !== null) return reject(new Error(DEAD))
        child.send({ number: count, order } as object, (error) => error !== null && reject(new Error(DEAD)))
      }),
  }
}
