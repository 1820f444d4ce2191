import pino, { type Logger } from 'pino'

/** Names under which secrets travel; their values never reach a log, one level deep and in requests. */
const SECRET_NAMES = ['password', 'secret', 'keySecret', 'token', 'csrf', 'cookie', 'authorization', 'privateKey']
const REDACTED = [...SECRET_NAMES.flatMap((name) => [name, `*.${name}`]), 'req.headers', 'res.headers']

/** Structured log lines on standard output, or wherever `destination` writes. */
export function createLog(node: string, level: string, destination?: { write(line: string): void }): Logger {
  const options = { level, base: { node }, redact: { paths: REDACTED, censor: '[redacted]' }, serializers: { err: errorFacts }, timestamp: pino.stdTimeFunctions.isoTime }
  return destination === undefined ? pino(options) : pino(options, destination)
}

/** Of an error only what cannot hold people's data: PostgreSQL puts whole rows into `detail` and parameters into `where`. */
function errorFacts(error: unknown): Readonly<Record<string, unknown>> {
  if (!(error instanceof Error)) return { message: String(error) }
  const { name, message, stack, cause } = error
  const code = 'code' in error ? error.code : undefined
  return { name, message, code, stack, ...(cause instanceof Error ? { cause: errorFacts(cause) } : {}) }
}
