import { randomBytes } from 'node:crypto'
import { hash, verify } from '@node-rs/argon2'

/** OWASP's memory for one lane and more: 46 MiB, two passes. */
const OPTIONS = { algorithm: 2 /* Argon2id; a const enum there */, memoryCost: 46 * 1024, timeCost: 2, parallelism: 1 } as const
/** Hashes at one time: each takes the memory above, and libuv has four threads. */
const AT_ONCE = 3

let running = 0
const waiting: (() => void)[] = []
async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve))
  else running += 1
  try {
    return await work()
  } finally {
    const next = waiting.shift()
    if (next === undefined) running -= 1
    else next() // our place goes to it
  }
}

const normal = (password: string) => password.normalize('NFKC')

export const hashPassword = (password: string): Promise<string> => inTurn(() => hash(normal(password), OPTIONS))

let decoy: Promise<string> | null = null

/** Whether it is the password. Without a hash (no such account, or locked) it takes the same time and answers false. */
export async function isPassword(hashed: string | null, password: string): Promise<boolean> {
  decoy ??= hashPassword(randomBytes(24).toString('base64url'))
  const against = hashed ?? (await decoy)
  const matches = await inTurn(() => verify(against, normal(password)))
  return hashed !== null && matches
}
