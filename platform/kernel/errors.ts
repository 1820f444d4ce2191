/** One entry of the catalogue: what a clerk reads, what to do, and the HTTP status that carries it. */
export type FaultDefinition = { readonly status: number; readonly message: string; readonly advice: string }

/** A refusal on its way to whoever asked. `detail` is for machines and holds nothing secret. */
export class Refusal extends Error {
  readonly code: string
  readonly status: number
  readonly advice: string
  readonly detail: Readonly<Record<string, string | number | boolean>>
  constructor(code: string, definition: FaultDefinition, detail: Readonly<Record<string, string | number | boolean>> = {}) {
    super(definition.message)
    this.name = 'Refusal'
    this.code = code
    this.status = definition.status
    this.advice = definition.advice
    this.detail = detail
  }
}

type FaultCreators<Definitions> = { readonly [name in keyof Definitions]: (detail?: Readonly<Record<string, string | number | boolean>>) => Refusal }

const catalogue = new Map<string, FaultDefinition>()

/**
 * Enters a room's faults into the one catalogue under `room.name` and answers a creator for each: `throw roadFaults.labelTooHigh()`.
 * A code that exists already is a programming error.
 */
export function defineFaults<const Definitions extends Record<string, FaultDefinition>>(room: string, definitions: Definitions): FaultCreators<Definitions> {
  const creators: Record<string, (detail?: Readonly<Record<string, string | number | boolean>>) => Refusal> = {}
  for (const [name, definition] of Object.entries(definitions)) {
    const code = `${room}.${name}`
    if (catalogue.has(code)) throw new Error(`fault ${code} is defined twice`)
    catalogue.set(code, definition)
    creators[name] = (detail) => new Refusal(code, definition, detail)
  }
  return creators as FaultCreators<Definitions>
}

/** Every code with its words: for the manual and for the test that each is explained. */
export const faultCatalogue = (): ReadonlyMap<string, FaultDefinition> => catalogue
