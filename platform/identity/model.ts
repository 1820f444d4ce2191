import { z } from 'zod'

/** Person ids name files and key holders in other rooms: lower-case ASCII, stable for ever. */
export const personId = z.string().regex(/^[a-z0-9][a-z0-9.-]{0,62}$/)
export const accountName = z.string().min(1).max(64)
export const passwordText = z.string().min(1).max(128)
export const base64url = (min: number, max: number) => z.string().regex(/^[A-Za-z0-9_-]*$/).min(Math.ceil((min * 4) / 3)).max(Math.ceil((max * 4) / 3))

/** A person as the first-start settings name them. `account` defaults to the id. */
export const newPerson = z.object({
  id: personId,
  account: z.string().regex(/^[a-z0-9][a-z0-9.-]{0,62}$/).optional(),
  name: z.string().min(1).max(100),
  clearance: z.number().int().min(0).max(7),
  posts: z.array(z.object({ id: z.string().min(1).max(64), organ: personId, title: z.string().min(1).max(100), duties: z.array(z.string().max(64)).max(100) })).min(1).max(20),
})
export type NewPerson = z.infer<typeof newPerson>
/** What is handed to a person in a sealed letter, or printed by the demo: `<home>/first-sign-in.json` is a list of these. */
export type FirstSignIn = { readonly person: string; readonly account: string; readonly name: string; readonly code: string; readonly expires: string; readonly posts: readonly { readonly id: string; readonly organ: string; readonly title: string }[] }

const MINUTE = 60_000
export const SESSION_IDLE_MS = 30 * MINUTE
export const SESSION_ABSOLUTE_MS = 10 * 60 * MINUTE
/** `used` is written at most this often: reading a page is not worth a commit each time. */
export const SESSION_TOUCH_MS = MINUTE
export const CHALLENGE_MS = 2 * MINUTE
/** How long a proof counts for acts that need a fresh one. */
export const FRESH_MS = 15 * MINUTE
export const ENROLMENT_MS = { account: 7 * 24 * 60 * MINUTE, device: 15 * MINUTE } as const
export const MAX_SESSIONS = 10
export const MAX_KEYS = 10

type SessionTimes = { readonly created: Date; readonly used: Date; readonly ended: Date | null }
/** Whether a session may still be used. */
export function isLive({ created, used, ended }: SessionTimes, now: Date): boolean {
  return ended === null && now.getTime() - used.getTime() < SESSION_IDLE_MS && now.getTime() - created.getTime() < SESSION_ABSOLUTE_MS
}

/** Cookies of one host are shared by all its ports: on loopback, where several nodes may live, the port is part of the name. */
export function cookieName(origin: string): string {
  const { protocol, port } = new URL(origin)
  return protocol === 'https:' ? '__Host-postroad_session' : `postroad_session${port === '' ? '' : `_${port}`}`
}

/** The network that throttling counts for: an IPv4 address, or an IPv6 /64, which one subscriber has whole. */
export function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '')
  if (!plain.includes(':')) return plain
  const [before = '', after] = plain.split('::')
  const start = before === '' ? [] : before.split(':')
  const end = after === undefined || after === '' ? [] : after.split(':')
  const filled = after === undefined ? start : [...start, ...Array<string>(Math.max(0, 8 - start.length - end.length)).fill('0'), ...end]
  return `${filled.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`
}

// What people choose when told to choose ten characters; compared after lower-casing and taking digits and signs off the end.
const COMMON = new Set(['password', 'passw0rd', 'p@ssw0rd', 'p@ssword', 'qwertyuiop', 'qwerty', 'asdfghjkl', 'zxcvbnm', 'abc', 'abcdefg', 'abcdefghij', 'admin', 'administrator', 'root', 'welcome', 'woaini', 'iloveyou', 'letmein', 'postroad', 'yidao', 'zhengfu', 'bangongshi', 'bangongting', 'shengwei', 'shiwei', 'xianwei', 'test', 'user', 'guest', 'changeme', 'default', '1qaz2wsx', '1qaz2wsx3edc', 'qazwsx', 'qazwsxedc', 'a1b2c3d4', 'aa'])
const RUNS = '01234567890123456789 98765432109876543210 abcdefghijklmnopqrstuvwxyz zyxwvutsrqponmlkjihgfedcba qwertyuiop asdfghjkl zxcvbnm'

/** Whether a person may choose this password (NIST SP 800-63B §5.1.1.2: length and a list of common ones, no rules of composition). */
export function isStrongPassword(password: string, account: string, name: string): boolean {
  const text = password.normalize('NFKC').toLowerCase()
  const stem = text.replace(/[^a-z\u0080-\uffff]+$/u, '')
  const letters = [...text]
  if (letters.length < 10 || new Set(letters).size < 5) return false
  if (RUNS.includes(text) || COMMON.has(text) || COMMON.has(stem)) return false
  return ![account, name].some((own) => own.length >= 2 && text.includes(own.normalize('NFKC').toLowerCase()))
}

const CODE_LETTERS = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ' // 32 that are not taken for one another

/** A one-time code of four groups of five (100 bits) from 20 uniform bytes. */
export const codeFrom = (random: Uint8Array): string => {
  const letters = [...random].map((byte) => CODE_LETTERS[byte % 32]).join('')
  return letters.match(/.{5}/g)?.join('-') ?? letters
}
/** How a person may type it. */
export const normaliseCode = (code: string): string => code.normalize('NFKC').toUpperCase().replace(/[^0-9A-Z]/g, '')
