/**
 * The few functions that our libraries use and Chromium 90 lacks (the floor of the desk). Loaded before everything else, in the page and in the worker.
 * `floor.test.ts` reads the built desk and refuses anything newer that is not listed here.
 */
const add = (target: object, name: string, value: unknown) => {
  if (!(name in target)) Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false })
}

function at(this: ArrayLike<unknown>, index: number): unknown {
  const whole = Math.trunc(index) || 0
  return this[whole < 0 ? this.length + whole : whole]
}
for (const prototype of [Array.prototype, String.prototype, Object.getPrototypeOf(Uint8Array.prototype) as object]) add(prototype, 'at', at)

add(Object, 'hasOwn', (object: object, key: PropertyKey) => Object.prototype.hasOwnProperty.call(object, key))

function findLastIndex<T>(this: readonly T[], wanted: (value: T, index: number, all: readonly T[]) => boolean): number {
  for (let index = this.length - 1; index >= 0; index--) if (wanted(this[index] as T, index, this)) return index
  return -1
}
add(Array.prototype, 'findLastIndex', findLastIndex)
add(Array.prototype, 'findLast', function findLast<T>(this: readonly T[], wanted: (value: T, index: number, all: readonly T[]) => boolean): T | undefined {
  return this[findLastIndex.call(this, wanted as never)]
})

if (globalThis.crypto !== undefined) {
  add(Object.getPrototypeOf(globalThis.crypto) as object, 'randomUUID', () => {
    const bytes = crypto.getRandomValues(new Uint8Array(16))
    bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
    bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
    const text = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
    return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join('-')
  })
}

if (globalThis.AbortSignal !== undefined) {
  add(globalThis.AbortSignal, 'timeout', (milliseconds: number) => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(), milliseconds)
    return controller.signal
  })
  add(globalThis.AbortSignal.prototype, 'throwIfAborted', function throwIfAborted(this: AbortSignal) {
    if (this.aborted) throw new DOMException('aborted', 'AbortError')
  })
}
