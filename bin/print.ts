const COLOURS = /\x1b\[\d*m/g

/** Columns that `text` takes in a terminal: Chinese characters take two (Unicode East Asian Width W and F), colours none. */
export function columns(text: string): number {
  let sum = 0
  for (const character of text.replace(COLOURS, '')) sum += isWide(character.codePointAt(0) ?? 0) ? 2 : 1
  return sum
}

const WIDE: readonly (readonly [number, number])[] = [[0x1100, 0x115f], [0x2e80, 0xa4cf], [0xac00, 0xd7a3], [0xf900, 0xfaff], [0xfe30, 0xfe6f], [0xff00, 0xff60], [0xffe0, 0xffe6], [0x1f300, 0x1faff], [0x20000, 0x3fffd]]
const isWide = (code: number): boolean => WIDE.some(([first, last]) => code >= first && code <= last)

/** `text` filled with blanks up to `width` columns; longer text stays whole. */
export const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - columns(text)))

/** Rows as aligned lines; the last column is not filled. */
export function table(rows: readonly (readonly string[])[], indent = '  '): string {
  const widths: number[] = []
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, columns(cell))))
  return rows.map((row) => indent + row.map((cell, i) => (i === row.length - 1 ? cell : pad(cell, widths[i] ?? 0))).join('  ')).join('\n')
}

const colour = process.stdout.isTTY && process.env.NO_COLOR === undefined
const paint = (code: string) => (text: string): string => (colour ? `\x1b[${code}m${text}\x1b[0m` : text)
export const bold = paint('1')
export const quiet = paint('2')
export const red = paint('31')
export const green = paint('32')
export const amber = paint('33')

export const print = (text = ''): void => void process.stdout.write(`${text}\n`)

/** `2026年11月22日 14:05:09`, in the machine's own zone. */
export function clockTime(instant: string): string {
  const at = new Date(instant)
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${at.getFullYear()}年${at.getMonth() + 1}月${at.getDate()}日 ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}
