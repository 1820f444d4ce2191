import { children, DerError, oid, readOid, readText, sequence, setOf, tlv, TAG, utf8String, type DerNode } from './der.ts'
import { utf8 } from './bytes.ts'

/** A distinguished name as far as we use one. Written as C=CN, O, CN (GM/T 0015-2012 §5.2.3.4 asks for UTF8String). */
export type CertificateName = { readonly commonName: string; readonly organisation?: string }

const COMMON_NAME = '2.5.4.3'
const COUNTRY = '2.5.4.6'
const ORGANISATION = '2.5.4.10'

/** The DER of a name. The same name always gives the same bytes, which is how issuer and subject are matched. */
export function encodeName({ commonName, organisation }: CertificateName): Uint8Array {
  return sequence(
    attribute(COUNTRY, tlv(TAG.printableString, utf8('CN'))),
    ...(organisation === undefined ? [] : [attribute(ORGANISATION, utf8String(organisation))]),
    attribute(COMMON_NAME, utf8String(commonName))
  )
}

function attribute(type: string, value: Uint8Array): Uint8Array {
  return setOf(sequence(oid(type), value))
}

/** Common name (empty when there is none) and organisation of any name; other attributes are passed over. */
export function readName(node: DerNode | undefined): CertificateName {
  let commonName = ''
  let organisation: string | undefined
  for (const set of children(node)) {
    for (const pair of children(set, TAG.set)) {
      const [type, value, ...more] = children(pair)
      if (value === undefined || more.length > 0) throw new DerError('a name attribute is a pair')
      const name = readOid(type)
      if (name === COMMON_NAME) commonName = readText(value)
      if (name === ORGANISATION) organisation = readText(value)
    }
  }
  return organisation === undefined ? { commonName } : { commonName, organisation }
}
