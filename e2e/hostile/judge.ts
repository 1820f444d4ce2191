import { faultCatalogue } from '@postroad/kernel/errors'
import type { Reply } from './wire.ts'

/** What must never reach whoever asks: traces, files of ours, SQL, the database's own words. */
const LEAKS: readonly (readonly [string, RegExp])[] = [
  ['a stack trace', /\bat .{0,80}\(?(?:file:|node:|\/)[^\s)]*:\d+:\d+|^\s+at \w/m],
  ['a file path', /(?:\/(?:tmp|home|work|var|usr|root|etc|proc|app)\/[\w.-]+)|node_modules|\.(?:ts|js|mjs|sql)\b/],
  ['SQL', /\b(?:select|insert into|update|delete from)\s.+\s(?:from|values|set|where)\b|\brelation "|\bcolumn "|\bsyntax error\b|invalid input syntax|violates .*constraint|permission denied/i],
  ['words of a library', /\b(?:FST_|ERR_[A-Z]|ENOENT|EACCES|ECONN|ZodError|TypeError|RangeError|SyntaxError|PostgresError|kysely|fastify|tus-node)/i],
]

/** Headers of every answer, whoever asked for what. */
const HEADERS: Readonly<Record<string, RegExp>> = {
  'content-security-policy': /^default-src 'none';.*frame-ancestors 'none'/,
  'x-content-type-options': /^nosniff$/,
  'x-frame-options': /^DENY$/i,
  'referrer-policy': /^no-referrer$/,
  'cross-origin-opener-policy': /^same-origin$/,
  'cross-origin-resource-policy': /^same-origin$/,
}
const BANNERS = ['server', 'x-powered-by', 'via', 'x-aspnet-version', 'access-control-allow-origin']

/** Everything about an answer's wrapping that is not as it must be, in words. */
export function headerProblems({ headers }: Reply): string[] {
  const wrong = Object.entries(HEADERS).flatMap(([name, expected]) => (expected.test(String(headers[name] ?? '')) ? [] : [`${name}: ${String(headers[name])}`]))
  const policy = String(headers['content-security-policy'] ?? '')
  const script = /script-src ([^;]*)/.exec(policy)?.[1] ?? ''
  return [...wrong, ...(script.includes('unsafe') ? ['scripts may be inline'] : []), ...BANNERS.filter((name) => headers[name] !== undefined).map((name) => `${name} is told`)]
}

/** Everything about a refusal that is not as it must be: one of the catalogue, in the catalogue's words, and not a word more. */
export function refusalProblems(reply: Reply, isHead = false): string[] {
  const leaks = LEAKS.flatMap(([what, pattern]) => (pattern.test(reply.text) ? [`tells ${what}: ${reply.text.slice(0, 200)}`] : []))
  const common = [...leaks, ...headerProblems(reply), ...(reply.status >= 500 ? [`answers ${reply.status}: ${reply.text.slice(0, 200)}`] : [])]
  if (isHead) return common
  const told = (reply.json as { error?: { code?: unknown; message?: unknown; advice?: unknown; detail?: unknown } } | null)?.error
  if (told === undefined || Object.keys(reply.json ?? {}).join() !== 'error') return [...common, `is not in the catalogue’s form: ${reply.status} ${reply.text.slice(0, 200)}`]
  const known = faultCatalogue().get(String(told.code))
  if (known === undefined) return [...common, `has an unknown code ${String(told.code)}`]
  if (known.status !== reply.status || known.message !== told.message || known.advice !== told.advice) return [...common, `is not as the catalogue has ${String(told.code)}`]
  const detail = Object.entries((told.detail ?? {}) as Record<string, unknown>).filter(([, value]) => typeof value === 'object' || String(value).length > 512)
  return [...common, ...detail.map(([name]) => `detail ${name} is not a short plain value`)]
}

export const codeOf = ({ json }: Reply): string => String((json as { error?: { code?: string } } | null)?.error?.code ?? '')
