import type { EvidenceStep, StepReason, StepResult, Verdict } from './evidence/steps.ts'
import type { FaultCode } from './fault.ts'

/** Each fault in one sentence, the same on the command line, on the 验真 page and in the desk. */
export const FAULT_WORDS: Readonly<Record<FaultCode, string>> = {
  malformed: '内容格式不符合规定',
  notCanonical: '内容不是规范编码，可能被改写',
  duplicateKey: '内容中有重复项',
  tooDeep: '内容嵌套过深',
  tooLarge: '内容超过允许的大小',
  headTooLarge: '信封头超过 8 KB',
  wrongVersion: '格式版本不受支持',
  wrongSuite: '密码算法套件不一致',
  truncated: '内容不完整，传输中断',
  recipientRootMismatch: '收件单位与信封头不符',
  recipientMissing: '缺少收件单位，或出现运单之外的单位',
  duplicateRecipient: '收件单位重复',
  wrapSwapped: '收件单位的密钥信封被调换',
  wrapUnreadable: '密钥信封无法打开',
  hopChainBroken: '流转记录不连续',
  hopLoop: '流转路线出现回环',
  tooManyHops: '流转站数过多',
  badSeal: '签名验证不通过',
  unknownKey: '签名所用密钥不在通讯录中',
  wrongKeyPurpose: '密钥用途不符',
  notYetValidKey: '密钥尚未启用',
  expiredKey: '密钥当时已过有效期',
  retiredKey: '密钥当时已停用',
  revokedKey: '密钥当时已吊销',
  compromisedKey: '密钥当时可能已经泄露，无法判定',
  wrongSigner: '签名者无权签署此项',
  manifestHashMismatch: '清单密文与信封头不符',
  manifestUnreadable: '清单无法解密',
  badManifestSignature: '发文单位的签名验证不通过',
  headCoreMismatch: '信封头被改动，与发文单位签名不符',
  recipientsMismatch: '收件单位名单与发文单位签名不符',
  signerNotSender: '签名者不是运单上的发文单位',
  nameNotHeld: '发文单位当时不具有该发文名义',
  bodyRootMismatch: '正文分块清单与信封头不符',
  chunkHashMismatch: '正文分块被改动或次序错误',
  chunkUnreadable: '正文分块无法解密',
  badEncoding: '正文分块编码错误',
  encodedRootMismatch: '正文编码与发文单位签名不符',
  compressedAfterSigning: '正文在签名之后被重新压缩',
  plaintextHashMismatch: '正文与发文单位签名不符',
  partOutOfOrder: '正文各部分的次序或大小不符',
  wrongMessage: '凭据属于另一份公文',
  receiptIncomplete: '回执缺少必填内容',
  notDeputy: '代收单位未获授权',
  wrongNode: '出具回执的节点不是收件单位所在节点',
  unknownOrgan: '通讯录中没有该单位',
  alreadySignedFor: '该公文已签收',
  alreadyRegistered: '该公文已登记',
  alreadyReturned: '该公文已退文',
  alreadyRecalled: '该公文已撤回',
  alreadyEnded: '该公文的投递已结束',
  notSignedFor: '该公文尚未签收',
  notArrived: '该公文尚未到达',
  unknownRoot: '通讯录不是由所信任的根节点签发',
  unknownNode: '通讯录中没有该节点，或其上级未予引入',
  rollback: '通讯录版本倒退',
  fork: '通讯录记录出现分叉',
  gap: '通讯录记录不连续',
  timeReversed: '通讯录记录的时间倒退',
  childKeySwapped: '上级擅自更换下级节点的密钥',
  badRecovery: '密钥恢复未经两名指定人员共同批准',
  notOwner: '该节点无权就此作出声明',
  idTaken: '该标识已被其他节点占用',
  fileMissing: '凭证中缺少文件',
  fileUnknown: '凭证中有不应出现的文件',
  timeUnknown: '缺少有效的收寄回执，时间无法判定',
}

export const STEP_WORDS: Readonly<Record<EvidenceStep, string>> = {
  structure: '凭证结构',
  head: '信封头',
  recipients: '收件单位',
  directory: '通讯录证明',
  manifest: '签名清单',
  signer: '发文单位',
  hops: '流转记录',
  receipts: '回执',
  time: '时间',
  body: '正文',
}

export const VERDICT_WORDS: Readonly<Record<Verdict, string>> = { valid: '验证通过', invalid: '验证不通过', indeterminate: '无法判定' }

const SOUND: Readonly<Record<EvidenceStep, string>> = {
  structure: '文件齐全，格式正确',
  head: '信封头完整',
  recipients: '收件单位与信封头一致',
  directory: '通讯录自所信任的根节点逐级签发，未见倒退与分叉',
  manifest: '发文单位的签名有效，信封头未被改动',
  signer: '签名密钥当时有效，属于发文单位及其发文名义',
  hops: '每一站的接收记录连续且签名有效',
  receipts: '全部回执签名有效',
  time: '时间已确定',
  body: '正文与签名一致',
}

/** One sentence about a step of `verifyEvidence`. */
export function stepSentence(result: Pick<StepResult, 'step' | 'reason'>): string {
  const { step, reason } = result
  if (reason === 'sound') return SOUND[step]
  return isOther(reason) ? OTHER_REASONS[reason] : FAULT_WORDS[reason]
}
const OTHER_REASONS: Readonly<Record<Exclude<StepReason, FaultCode | 'sound'>, string>> = {
  notIncluded: '凭证未附正文，仅凭其摘要；不影响结论',
  timeByNextCentre: '收寄时间由发文节点签署，并有下一站的接收记录印证',
  timeByOwnNode: '收寄时间由发文节点签署',
  timeContradicts: '各站记录的时间互相矛盾',
}
const isOther = (reason: StepReason): reason is keyof typeof OTHER_REASONS => reason in OTHER_REASONS

/** Stands in every evidence file for whoever opens it without our software. */
export const EVIDENCE_README = `驿道投递凭证

本文件证明一份公文由谁发出、经过哪些站、由谁在何时签收。
验证方法：
  一、在任一节点的「验真」页面选择本文件；验证在浏览器内完成，不上传。
  二、或在命令行运行 postroad verify <本文件>。
验证只信任事先掌握的根节点指纹，不信任本文件内的任何内容。
删除正文、证书过期之后，本凭证仍可验证。
`
