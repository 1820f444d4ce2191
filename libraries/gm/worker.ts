import { parentPort } from 'node:worker_threads'
import { answer, type Request } from './operations.ts'
import { suites } from './node.ts'

/** One thread of the pool in workers.ts. */
parentPort?.on('message', (request: Request) => parentPort?.postMessage(answer(suites, request)))
