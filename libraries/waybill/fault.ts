/** Every way in which a structure of the road can be refused. Words for people are in `words.ts`; a test keeps both lists equal. */
export const FAULT_CODES = [
  // reading
  'malformed',
  'notCanonical',
  'duplicateKey',
  'tooDeep',
  'tooLarge',
  'headTooLarge',
  'wrongVersion',
  'wrongSuite',
  'truncated',
  // recipients
  'recipientRootMismatch',
  'recipientMissing',
  'duplicateRecipient',
  'wrapSwapped',
  'wrapUnreadable',
  // hops
  'hopChainBroken',
  'hopLoop',
  'tooManyHops',
  // seals and keys
  'badSeal',
  'unknownKey',
  'wrongKeyPurpose',
  'notYetValidKey',
  'expiredKey',
  'retiredKey',
  'revokedKey',
  'compromisedKey',
  'wrongSigner',
  // manifest and body
  'manifestHashMismatch',
  'manifestUnreadable',
  'badManifestSignature',
  'headCoreMismatch',
  'recipientsMismatch',
  'signerNotSender',
  'nameNotHeld',
  'bodyRootMismatch',
  'chunkHashMismatch',
  'chunkUnreadable',
  'badEncoding',
  'encodedRootMismatch',
  'compressedAfterSigning',
  'plaintextHashMismatch',
  'partOutOfOrder',
  // receipts
  'wrongMessage',
  'receiptIncomplete',
  'notDeputy',
  'wrongNode',
  'unknownOrgan',
  // delivery
  'alreadySignedFor',
  'alreadyRegistered',
  'alreadyReturned',
  'alreadyRecalled',
  'alreadyEnded',
  'notSignedFor',
  'notArrived',
  // directory
  'unknownRoot',
  'unknownNode',
  'rollback',
  'fork',
  'gap',
  'timeReversed',
  'childKeySwapped',
  'badRecovery',
  'notOwner',
  'idTaken',
  // evidence
  'fileMissing',
  'fileUnknown',
  'timeUnknown',
] as const
export type FaultCode = (typeof FAULT_CODES)[number]

/** A refusal as a value. `detail` is for machines and logs and holds nothing secret. */
export type WaybillFault = { readonly code: FaultCode; readonly detail: string }
export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: WaybillFault }

export const ok = <T>(value: T): Result<T> => ({ ok: true, value })
export const fail = (code: FaultCode, detail = ''): { readonly ok: false; readonly fault: WaybillFault } => ({ ok: false, fault: { code, detail } })
/** The answer of checks that have nothing else to say. */
export const FINE: Result<null> = ok(null)
