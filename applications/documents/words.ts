import { defineFaults } from '@postroad/kernel/errors'
import { type DeliveryState, FAULT_WORDS, type Head, type MessageKind, type ReceiptKind, type Urgency } from '@postroad/waybill'

// Every word a person reads about documents, once. Terms: the field's own (docs/glossary.md).

export const TITLE = '公文'
export const MENU = { workbench: '工作台', received: '收文', dispatch: '发文', sent: '跟踪', verify: '验真' } as const

export const DUTIES = {
  'documents.read': '查阅公文',
  'documents.send': '封发（含撤回申请、更正和作废通知）',
  'documents.sign': '签收、登记、退文',
  'documents.deputise': '代收',
  'documents.share': '维护全节点共用的常用发送范围',
} as const

export const URGENCY: Readonly<Record<Urgency, string>> = { normal: '无', urgent: '加急', extraUrgent: '特急' }
/** Higher levels never travel here; index is the label's number. */
export const LABELS: readonly string[] = ['无', '内部', '工作秘密']
/** Systems and levels of organs, as the directory names them. */
export const SYSTEMS = { party: '党委', government: '政府', congress: '人大', cppcc: '政协', mass: '人民团体' } as const
export const LEVELS = { province: '省级', city: '市级', county: '县级', department: '部门' } as const
export const ROLES = { to: '主送', cc: '抄送' } as const

export const KINDS: Readonly<Record<MessageKind, string>> = {
  document: '公文',
  recallRequest: '撤回申请',
  recallAnswer: '撤回答复',
  correctionNotice: '更正通知',
  voidNotice: '作废通知',
}

/** Title of a notice about an earlier document; long titles are shortened to what a manifest takes. */
export const noticeTitle = (kind: MessageKind, title: string): string => `${KINDS[kind]}：${title}`.slice(0, 500)

/** As the sender sees a delivery. */
export const SENT_STATES: Readonly<Record<DeliveryState, string>> = {
  accepted: '已提交',
  queued: '待发送',
  inCustody: '在途',
  arrived: '已到达',
  delivered: '已送达',
  signedFor: '已签收',
  registered: '已登记',
  returned: '已退文',
  undeliverable: '无法投递',
  recalled: '已撤回',
  closed: '已人工办结',
}

/** As the recipient sees the same delivery: until somebody signs, it waits. */
export const RECEIVED_STATES: Readonly<Record<DeliveryState, string>> = { ...SENT_STATES, arrived: '待签收', delivered: '待签收' }

export const RECEIPTS: Readonly<Record<ReceiptKind, string>> = {
  submitted: '提交',
  custody: '中转接收',
  arrived: '到达',
  delivered: '送达（已核验）',
  signedFor: '签收',
  registered: '登记',
  returned: '退文',
  undeliverable: '无法投递',
  recalled: '撤回',
  recallRefused: '撤回未成',
  closed: '人工办结',
  late: '超时提醒',
  forwarded: '转投',
}

/** Why an office sends a document back; the code travels in the receipt, the text is added to what the person writes. */
export const RETURN_REASONS = {
  wrongAddressee: '主送或抄送单位有误',
  wrongFormat: '不符合公文格式',
  incomplete: '缺页、缺附件或附件打不开',
  notOurMatter: '不属于本单位职责',
  verificationFailed: '核验未通过',
  other: '其他',
} as const

/** Name of an exported evidence file; what a file system may not take is left out. */
export const EVIDENCE_FILE = (name: string, id: string): string => `凭证-${name.replace(/[\\/:*?"<>|\p{Cc}]/gu, '').slice(0, 60)}-${id}.zip`

export const STEPS = { signature: '签名', issuer: '发文单位', recipients: '收件范围', route: '传递路径', integrity: '完整性' } as const
export const VERDICTS = { valid: '通过', invalid: '不通过', indeterminate: '无法确定' } as const

/**
 * What a check before opening found, by its code, where the waybill's own words for a fault (`FAULT_WORDS`) do not say it as well in this place.
 * `{…}` is filled from the step's detail.
 */
const FINDINGS: Readonly<Record<string, string>> = {
  signatureGood: '{title}的单位签名有效，与信封头相符',
  manifestUnreadable: '清单不能解密：不是发给本单位的，或者途中被改动',
  manifestUnavailable: '没有打开它的密钥，这一项没有核验',
  issuerGood: '{title}以“{name}”名义发文，签发时有权使用',
  issuerUnchecked: '签名不可用，发文单位没有核验',
  nameNotHeld: '{title}当时不持有这个发文名义',
  recipientsGood: '共 {count} 个收件单位，与签名清单一致；本单位为{role}',
  recipientsSent: '共 {count} 个收件单位，与签名清单一致',
  recipientsUnchecked: '签名不可用，收件范围没有核验',
  recipientsMismatch: '收件范围与签名清单不一致，或没有本单位',
  recipientMissing: '这件公文不是发给本单位的',
  routeGood: '经 {path}，共 {count} 站，逐站签名有效',
  routeForwarded: '经 {path}，共 {count} 站，逐站签名有效；收件单位已调整，转投 {heir}',
  routeMissing: '没有经手记录',
  routeUnexpected: '实际经过 {path}，与通讯录所示的路径不同',
  routeNotFromSender: '第一站 {node} 不是发文单位所在节点',
  wrongMessage: '经手记录属于别的公文',
  badSeal: '有一站的签名无效（{detail}）',
  unknownNode: '通讯录中没有其中一站（{detail}）',
  integrityGood: '{parts} 个文件、{chunks} 个分块与签名清单一致；打开时逐块校验',
  integrityUnchecked: '签名不可用，内容没有核验',
}

export const documentsFaults = defineFaults('documents', {
  notFound: { status: 404, message: '没有找到这件公文', advice: '它可能不属于您所在的单位。请从收文或发文列表中打开。' },
  dutyMissing: { status: 403, message: '当前岗位没有这项职责', advice: '请切换到有此职责的岗位，或请单位管理员授予。' },
  actorNotYou: { status: 403, message: '回执上的经办人与登录人不一致', advice: '请以本人身份和当前岗位重新办理。' },
  deputyNotAuthorised: { status: 403, message: '没有该单位的代收授权', advice: '请由该单位先登记代收授权。' },
  receiptKindRefused: { status: 400, message: '这种回执不能由单位签署', advice: '请升级终端后重试。' },
  receiptForOther: { status: 400, message: '回执与所办理的公文不一致', advice: '请刷新后重新办理。' },
  reasonMissing: { status: 400, message: '退文必须写明理由', advice: '请选择并填写退文理由。' },
  regardingMissing: { status: 400, message: '通知没有指明所涉及的公文', advice: '请从发文跟踪中对该公文办理。' },
  listChanged: { status: 409, message: '这个常用发送范围刚被别人改过', advice: '请刷新后看过新的内容，再改一次。' },
  listFixed: { status: 409, message: '是否共用在建立时就定了，不能再改', advice: '请停用这一个，另建一个。' },
  chunkMissing: { status: 404, message: '这一部分内容不在本节点', advice: '请稍后再试；如一直没有，请联系网络中心。' },
})

/** What the terminal itself refuses, before anything is sent; status 0, as no server answered it. In the catalogue under `terminal.`. */
export const TERMINAL_FAULTS = {
  offline: { message: '连不上本单位的节点', advice: '没有任何内容丢失。请检查网络后重试。' },
  unexpectedAnswer: { message: '节点的答复看不懂', advice: '请刷新页面；如仍出现，请把代码告诉网络中心。' },
  keysClosed: { message: '单位密钥没有打开', advice: '请输入密钥口令打开本单位密钥。' },
  keyProcessChanged: { message: '密钥进程与本机记住的不同', advice: '请不要输入密钥口令，立即与网络中心核对密钥进程指纹。' },
  directoryUntrusted: { message: '通讯录没有通过核验', advice: '请不要继续办理，立即联系网络中心，并告知代码。' },
  directoryChanged: { message: '网络的根与本机记住的不同', advice: '请不要继续办理，立即与网络中心核对根指纹。' },
  recipientUnknown: { message: '收件单位不在通讯录中', advice: '请重新选择收件单位。' },
  recipientNoKey: { message: '收件单位还没有可用的加密密钥', advice: '请联系该单位所在的网络中心，或改送纸质件。' },
  recipientsEmpty: { message: '还没有选择收件单位', advice: '请至少选择一个主送单位。' },
  recipientTwice: { message: '同一个收件单位选了两次', advice: '请删去重复的一个。' },
  nameNotHeld: { message: '本单位不持有这个发文名义', advice: '请选择本单位的发文名义。' },
  titleMissing: { message: '还没有填写标题', advice: '请填写标题。' },
  labelTooHigh: { message: '标识超过本系统允许的上限', advice: '涉密文件请走机要渠道，不得在此传输。' },
  uploadInterrupted: { message: '上传中断', advice: '已上传的部分保留着，点“继续”即可接着传。' },
  fileChanged: { message: '文件在发送过程中被改动', advice: '请关闭正在编辑它的程序，重新选择文件。' },
  reasonMissing: { message: '还没有填写退文理由', advice: '请选择理由并写明情况。' },
  evidenceTooLarge: { message: '连同正文的凭证过大', advice: '请导出不含正文的凭证，它同样可以核验。' },
  notDecryptable: { message: '本单位没有打开这件公文的密钥', advice: '如果是代收件，请由收件单位自己打开。' },
  contentDamaged: { message: '内容与签名不符，已停止打开', advice: '请不要使用这件公文；可以退文并联系发文单位。' },
  cancelled: { message: '已取消', advice: '没有发出任何内容。' },
} as const

defineFaults('terminal', Object.fromEntries(Object.entries(TERMINAL_FAULTS).map(([name, words]) => [name, { status: 0, ...words }])))

/** "特急 · 内部" or the empty string: the marks a list shows before a title. */
export function marks(head: Pick<Head, 'urgency' | 'label'>): string {
  return [head.urgency === 'normal' ? '' : URGENCY[head.urgency], head.label === 0 ? '' : (LABELS[head.label] ?? '超出上限')].filter((mark) => mark !== '').join(' · ')
}

/** A finding with its details filled in. An unknown code is shown as it is: nothing is hidden. */
export function finding(code: string, detail: Readonly<Record<string, string | number>>): string {
  return (FINDINGS[code] ?? (FAULT_WORDS as Readonly<Record<string, string>>)[code] ?? code).replace(/\{(\w+)\}/g, (_, name: string) => String(detail[name] ?? ''))
}
