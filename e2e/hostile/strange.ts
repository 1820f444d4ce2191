/** Bodies that are JSON, or nearly, and must be refused whatever they are sent to. */

export type Path = readonly (string | number)[]

/** Every place in a value, the value itself excepted; of an array only its first element. */
export function placesIn(value: unknown, at: Path = []): readonly Path[] {
  if (Array.isArray(value)) return value.slice(0, 1).flatMap((item) => [[...at, 0], ...placesIn(item, [...at, 0])])
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => [[...at, name], ...placesIn(inner, [...at, name])])
}

export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, step) => (inner as Record<string | number, unknown>)[step], value)
}

/** The value with something else in one place. */
export function replaced(value: unknown, [step, ...rest]: Path, by: unknown): unknown {
  if (step === undefined) return by
  if (Array.isArray(value)) return value.map((item: unknown, index) => (index === step ? replaced(item, rest, by) : item))
  const object = value as Readonly<Record<string, unknown>>
  return { ...object, [step]: replaced(object[step], rest, by) }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value)
const nested = (depth: number, open: string, close: string): string => `${open.repeat(depth)}0${close.repeat(depth)}`

/** Named texts of bodies made from a right one. `takesAnything`: unknown fields are no fault here. */
export function strangeBodies(right: unknown, takesAnything: boolean): readonly (readonly [string, string])[] {
  const text = JSON.stringify(right)
  const inside = text === '{}' ? '' : `,${text.slice(1, -1)}`
  const objects = [[] as Path, ...placesIn(right)].filter((path) => isObject(valueAt(right, path)))
  const unknown = objects.map((path): [string, string] => [`an unknown field in /${path.join('/')}`, JSON.stringify(replaced(right, path, { ...(valueAt(right, path) as object), strange: 1 }))])
  const poisoned = objects.map((path): [string, string] => [`__proto__ in /${path.join('/')}`, JSON.stringify(replaced(right, path, { ...(valueAt(right, path) as object), PROTO: { admin: true } })).replace('"PROTO"', '"__proto__"')])
  return [
    ...(takesAnything ? [] : unknown),
    ...poisoned,
    ['constructor.prototype', `{"constructor":{"prototype":{"admin":true}}${inside}}`],
    ['an escaped __proto__', `{"\\u005f_proto__":{"admin":true}${inside}}`],
    ['deep arrays', `{"deep":${nested(1000, '[', ']')}}`],
    ['deep objects', nested(100_000, '{"a":', '}')],
    ['a NUL in a name', `{"a\\u0000b":1${inside}}`],
    ['cut off', text.slice(0, -1)],
    ['two values', `${text}${text}`],
    ['not JSON', '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22]).toString('latin1')],
    ['an array', '[]'],
    ['a string', '"x"'],
    ['a number', '1e999'],
  ]
}
