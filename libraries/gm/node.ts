import { forgetP256PrivateKeys, nativeP256 } from './node-p256.ts'
import { forgetSm2PrivateKeys } from './node-sm.ts'
import { chooseSmEngine } from './node-selftest.ts'
import { p256Suite } from './p256-suite.ts'
import { smSuite } from './sm-suite.ts'
import type { Suites } from './suite.ts'

const chosen = chooseSmEngine()

/** Where each part of the SM suite runs in this process; `portable` means OpenSSL failed the self-test at start. */
export const smEngine: { readonly symmetric: 'native' | 'portable'; readonly signatures: 'native' | 'portable'; readonly agreement: 'native' | 'portable' } = chosen.where

/** Both suites on Node's OpenSSL; the same wire as `@postroad/gm/portable`. */
export const suites: Suites = { SM: smSuite(chosen.engine), P256: p256Suite(nativeP256) }

/** Drops every private key that the suites keep imported for speed: whoever closes an organ's keys calls it after overwriting his own. */
export function forgetPrivateKeys(): void {
  forgetP256PrivateKeys()
  forgetSm2PrivateKeys()
}
