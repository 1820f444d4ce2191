import { equal, fromHex, hex, utf8 } from './bytes.ts'
import { nativeSm } from './node-sm.ts'
import { portableSm } from './portable-sm.ts'
import { zaInput } from './sm2-codec.ts'
import type { SmEngine } from './sm-suite.ts'

/** The key and the signature of GB/T 32918.5-2017 Annex A, and k·G and k·P of its Annex C. */
const KNOWN = {
  privateKey: fromHex('3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8'),
  publicKey: fromHex(
    '0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13'
  ),
  message: utf8('message digest'),
  signature: fromHex('f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa'),
  point: fromHex(
    '0404ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0'
  ),
  shared: fromHex('335e18d751e51f040e27d468138b7ab1dc86ad7f981d7d416222fd6ab3ed230dab743ebcfb22d64f7b6ab791f70658f25b48fa93e54064fdbfbed3f0bd847ac9')
}

const NOTHING = new Uint8Array()

type Where = 'native' | 'portable'
type Chosen = { engine: SmEngine; where: { symmetric: Where; signatures: Where; agreement: Where } }

/**
 * Tries OpenSSL's SM functions against known answers and puts JavaScript in place of what fails: a build without SM3 and SM4,
 * or a later OpenSSL that closes the doors node-sm.ts goes through (Node 24 closed one of them already).
 */
export function chooseSmEngine(tried: SmEngine = nativeSm): Chosen {
  const symmetric = works(() => symmetricIsRight(tried))
  const signatures = symmetric && works(() => signaturesAreRight(tried))
  const agreement = works(() => agreementIsRight(tried))
  const from = (native: boolean): SmEngine => (native ? tried : portableSm)
  const { hash, createHash, mac, ctr } = from(symmetric)
  const { sign, verify, generateKeyPair, publicKeyOf } = from(signatures)
  const { encapsulate, decapsulate } = from(agreement)
  const where = (native: boolean): Where => (native ? 'native' : 'portable')
  return {
    engine: { hash, createHash, mac, ctr, generateKeyPair, publicKeyOf, isPublicKey: portableSm.isPublicKey, sign, verify, encapsulate, decapsulate },
    where: { symmetric: where(symmetric), signatures: where(signatures), agreement: where(agreement) }
  }
}

/** A throwing OpenSSL is a failed test; the outcome is told in `smEngine`. */
function works(test: () => boolean): boolean {
  try {
    return test()
  } catch {
    return false
  }
}

function symmetricIsRight(tried: SmEngine): boolean {
  const key = KNOWN.privateKey.subarray(0, 16)
  const counter = new Uint8Array(16).fill(0xff)
  return (
    hex(tried.hash(utf8('abc'))) === '66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0' &&
    equal(tried.mac(key, KNOWN.signature), portableSm.mac(key, KNOWN.signature)) &&
    equal(tried.ctr(key, counter, KNOWN.publicKey), portableSm.ctr(key, counter, KNOWN.publicKey))
  )
}

function signaturesAreRight(tried: SmEngine): boolean {
  const za = tried.hash(zaInput(KNOWN.publicKey))
  const other = utf8('message digesT')
  return (
    equal(tried.publicKeyOf(KNOWN.privateKey), KNOWN.publicKey) &&
    tried.verify(KNOWN.publicKey, za, KNOWN.message, KNOWN.signature) &&
    !tried.verify(KNOWN.publicKey, za, other, KNOWN.signature) &&
    tried.verify(KNOWN.publicKey, za, other, tried.sign(KNOWN, za, other))
  )
}

function agreementIsRight(tried: SmEngine): boolean {
  const fresh = tried.encapsulate(KNOWN.publicKey)
  return equal(tried.decapsulate(KNOWN, KNOWN.point) ?? NOTHING, KNOWN.shared) && equal(tried.decapsulate(KNOWN, fresh.point) ?? NOTHING, fresh.shared)
}
