import type { KeyPair, SuiteId, Suites } from './suite.ts'

/** What the pool can do, over many items at once. */
export type Operations = {
  hash: { args: { suite: SuiteId; items: readonly Uint8Array[] }; result: Uint8Array }
  sign: { args: { suite: SuiteId; keyPair: KeyPair; items: readonly Uint8Array[] }; result: Uint8Array }
  verify: { args: { suite: SuiteId; items: readonly { publicKey: Uint8Array; message: Uint8Array; signature: Uint8Array }[] }; result: boolean }
  wrap: { args: { suite: SuiteId; items: readonly { publicKey: Uint8Array; contentKey: Uint8Array }[] }; result: Uint8Array }
  unwrap: { args: { suite: SuiteId; keyPair: KeyPair; items: readonly Uint8Array[] }; result: Uint8Array | null }
}

type Handlers = { readonly [Op in keyof Operations]: (suites: Suites, args: Operations[Op]['args']) => Operations[Op]['result'][] }

const handlers: Handlers = {
  hash: (suites, { suite, items }) => items.map((item) => suites[suite].hash(item)),
  sign: (suites, { suite, keyPair, items }) => items.map((item) => suites[suite].sign(keyPair, item)),
  verify: (suites, { suite, items }) => items.map(({ publicKey, message, signature }) => suites[suite].verify(publicKey, message, signature)),
  wrap: (suites, { suite, items }) => items.map(({ publicKey, contentKey }) => suites[suite].wrap(publicKey, contentKey)),
  unwrap: (suites, { suite, keyPair, items }) => items.map((item) => suites[suite].unwrap(keyPair, item))
}

/** One slice of a batch on its way into a thread, and what comes back. */
export type Request = { [Op in keyof Operations]: { op: Op; args: Operations[Op]['args'] } }[keyof Operations]
export type Reply = { readonly results: readonly unknown[] } | { readonly error: string }

/** Answers one slice. An item that throws fails the slice. */
export function answer(suites: Suites, request: Request): Reply {
  try {
    const handle = handlers[request.op] as (suites: Suites, args: Request['args']) => unknown[]
    return { results: handle(suites, request.args) }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) }
  }
}
