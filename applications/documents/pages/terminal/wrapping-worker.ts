import '@postroad/desk/floor'
import { type Request, answer } from '@postroad/gm/operations'
import { suites } from '@postroad/gm/portable'

/** One thread of wrapping.ts. */
const scope = globalThis as unknown as { postMessage(message: unknown): void; onmessage: ((event: MessageEvent<Request>) => void) | null }
scope.onmessage = ({ data }) => scope.postMessage(answer(suites, data))
