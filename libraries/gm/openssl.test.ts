import { afterAll, describe, expect, it } from 'vitest'
import { privateKeyInfo, publicKeyInfo } from './algorithms.ts'
import { concat, hex, utf8 } from './bytes.ts'
import { children, readBitString, readDer } from './der.ts'
import { suites as native } from './node.ts'
import { OpensslCommand } from './openssl-command.ts'
import { pem } from './pem.ts'
import { suites as portable } from './portable.ts'
import { signatureFromDer, signatureToDer } from './sm2-codec.ts'
import { SUITE_IDS } from './suite.ts'

const openssl = new OpensslCommand()
afterAll(() => openssl[Symbol.dispose]())

const message = utf8('关于开展公文交换试点工作的通知')
const USER_ID = 'distid:1234567812345678'

const all = SUITE_IDS.flatMap((id) => [{ id, where: 'native', suite: native[id] }, { id, where: 'portable', suite: portable[id] }])

describe.each(all)('$id $where and the openssl command', ({ id, where, suite }) => {
  const keyPair = suite.generateKeyPair()
  const keyFile = openssl.file(`${id}-${where}.key`, pem('PRIVATE KEY', privateKeyInfo(id, keyPair)))
  const publicFile = openssl.file(`${id}-${where}.pub`, pem('PUBLIC KEY', publicKeyInfo(id, keyPair.publicKey)))
  const input = openssl.file('message', message)
  const hash = id === 'SM' ? 'sm3' : 'sha256'
  const sm2Only = id === 'SM' ? ['-sigopt', USER_ID] : []

  it('see the same public key in our private key', () => {
    openssl.run('pkey', '-in', keyFile, '-pubout', '-outform', 'DER', '-out', 'derived.der')
    expect(hex(openssl.read('derived.der'))).toBe(hex(publicKeyInfo(id, keyPair.publicKey)))
  })

  it('verify each other’s signatures', () => {
    const ours = openssl.file('ours.sig', signatureToDer(suite.sign(keyPair, message)))
    expect(openssl.accepts('dgst', `-${hash}`, ...sm2Only, '-verify', publicFile, '-signature', ours, input)).toBe(true)
    expect(openssl.accepts('dgst', `-${hash}`, ...sm2Only, '-verify', publicFile, '-signature', ours, keyFile)).toBe(false)
    openssl.run('dgst', `-${hash}`, ...sm2Only, '-sign', keyFile, '-out', 'theirs.sig', input)
    const theirs = signatureFromDer(openssl.read('theirs.sig'))!
    expect(suite.verify(keyPair.publicKey, message, theirs)).toBe(true)
    expect(suite.verify(keyPair.publicKey, concat(message, message), theirs)).toBe(false)
  })

  it('take keys that openssl makes', () => {
    const curve = id === 'SM' ? 'SM2' : 'P-256'
    openssl.run('genpkey', '-algorithm', 'EC', '-pkeyopt', `ec_paramgen_curve:${curve}`, '-out', 'made.key')
    openssl.run('pkey', '-in', 'made.key', '-pubout', '-outform', 'DER', '-out', 'made.der')
    const publicKey = readBitString(children(readDer(openssl.read('made.der')))[1])
    expect(suite.isPublicKey(publicKey)).toBe(true)
    openssl.run('dgst', `-${hash}`, ...sm2Only, '-sign', 'made.key', '-out', 'made.sig', input)
    expect(suite.verify(publicKey, message, signatureFromDer(openssl.read('made.sig'))!)).toBe(true)
  })
})

describe.each([{ where: 'native', suite: native.SM }, { where: 'portable', suite: portable.SM }])('SM2 encryption $where and the openssl command', ({ where, suite }) => {
  const keyPair = suite.generateKeyPair()
  const keyFile = openssl.file(`encrypt-${where}.key`, pem('PRIVATE KEY', privateKeyInfo('SM', keyPair)))
  const publicFile = openssl.file(`encrypt-${where}.pub`, pem('PUBLIC KEY', publicKeyInfo('SM', keyPair.publicKey)))
  const contentKey = suite.hash(message)

  it('open each other’s wraps', () => {
    for (let i = 0; i < 4; i++) {
      openssl.file('ours.enc', suite.wrap(keyPair.publicKey, contentKey))
      openssl.run('pkeyutl', '-decrypt', '-inkey', keyFile, '-in', 'ours.enc', '-out', 'ours.plain')
      expect(hex(openssl.read('ours.plain'))).toBe(hex(contentKey))
      openssl.file('content.key', contentKey)
      openssl.run('pkeyutl', '-encrypt', '-pubin', '-inkey', publicFile, '-in', 'content.key', '-out', 'theirs.enc')
      expect(hex(suite.unwrap(keyPair, openssl.read('theirs.enc'))!)).toBe(hex(contentKey))
    }
  })
})
