import { p256Suite } from './p256-suite.ts'
import { portableP256 } from './portable-p256.ts'
import { portableSm } from './portable-sm.ts'
import { smSuite } from './sm-suite.ts'
import type { Suites } from './suite.ts'

/** Both suites in JavaScript alone, for the browser; byte for byte the same wire as `@postroad/gm/node`. */
export const suites: Suites = { SM: smSuite(portableSm), P256: p256Suite(portableP256) }
