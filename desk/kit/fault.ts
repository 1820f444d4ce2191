import { kitWords } from './words.ts'

/** Something that went wrong, in the words a clerk reads. `code` is one of the server's catalogue or of this desk. */
export type Fault = { readonly code: string; readonly message: string; readonly advice: string; readonly status: number }

/** A fault on its way to the panel that shows it. */
export class DeskFault extends Error {
  readonly fault: Fault
  constructor(fault: Fault) {
    super(fault.message)
    this.name = 'DeskFault'
    this.fault = fault
  }
}

/** Whatever was thrown, as a fault with words. Worker faults arrive as plain objects of the same shape. */
export function asFault(thrown: unknown): Fault {
  if (thrown instanceof DeskFault) return thrown.fault
  if (isFault(thrown)) return { code: thrown.code, message: thrown.message, advice: thrown.advice, status: thrown.status }
  return { code: 'desk.unexpected', status: 0, message: kitWords.unexpected, advice: `${kitWords.unexpectedAdvice}${thrown instanceof Error ? `（${thrown.message}）` : ''}` }
}

const isFault = (value: unknown): value is Fault =>
  typeof value === 'object' && value !== null && typeof (value as Fault).code === 'string' && typeof (value as Fault).message === 'string' && typeof (value as Fault).advice === 'string'
