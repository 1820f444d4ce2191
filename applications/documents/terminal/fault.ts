import { TERMINAL_FAULTS } from '../words.ts'

export type FaultDetail = Readonly<Record<string, string | number | boolean>>

/**
 * A refusal as the terminal hands it to whoever calls it: the node's own (`code`, `message`, `advice` as answered) or one of
 * `TERMINAL_FAULTS` under `terminal.<name>`. `status` is the HTTP status, 0 when nothing was answered.
 */
export class TerminalFault extends Error {
  readonly code: string
  readonly advice: string
  readonly status: number
  readonly detail: FaultDetail
  constructor(told: { readonly code: string; readonly message: string; readonly advice: string; readonly status?: number; readonly detail?: FaultDetail }, cause?: unknown) {
    super(told.message, { cause })
    this.name = 'TerminalFault'
    this.code = told.code
    this.advice = told.advice
    this.status = told.status ?? 0
    this.detail = told.detail ?? {}
  }
}

export const fault = (name: keyof typeof TERMINAL_FAULTS, detail: FaultDetail = {}, cause?: unknown): TerminalFault =>
  new TerminalFault({ code: `terminal.${name}`, ...TERMINAL_FAULTS[name], detail }, cause)
