import { defineFaults } from '@postroad/kernel/errors'

/** Refusals of the keys room. Those of the key process itself reach the terminal sealed, with the same words. */
export const keysFaults = defineFaults('keys', {
  notOpen: { status: 409, message: '单位密钥未打开', advice: '密钥使用会话已结束或密钥服务已重新启动，请重新输入密钥口令打开。' },
  wrongSecret: { status: 403, message: '密钥口令不正确', advice: '请核对后重新输入；连续输错后，等待时间会逐次加倍。' },
  tooSoon: { status: 429, message: '密钥口令输错次数过多，暂时不能再试', advice: '请等待页面提示的时间后再试；忘记口令的，请由本单位其他持有人重新授予。' },
  notHolder: { status: 403, message: '您不是该单位密钥的持有人', advice: '请由本单位已持有密钥的同志为您授予。' },
  wrongPerson: { status: 403, message: '登录人与密钥请求中的人员不一致', advice: '请退出后用本人账号重新登录，再打开密钥。' },
  weakSecret: { status: 422, message: '新的密钥口令过于简单', advice: '至少 12 个字符，不得为连续或重复的字符；建议使用系统生成的 20 位数字。' },
  holderExists: { status: 409, message: '该人员已持有本单位密钥', advice: '如其忘记口令，请先收回，再重新授予。' },
  lastHolder: { status: 409, message: '不能收回最后一名持有人的密钥', advice: '请先授予另一名同志，再收回。' },
  noHolders: { status: 422, message: '单位没有指定密钥持有人', advice: '请在初始设置中为该单位至少安排一名办理公文的人员。' },
  unknownOrgan: { status: 404, message: '本节点没有该单位的密钥', advice: '请核对单位；新设单位须先由系统管理员建立密钥。' },
  noCertificate: { status: 409, message: '单位签名证书尚未签发', advice: '请稍候再试；持续出现时请联系系统管理员检查通讯录。' },
  certificateMismatch: { status: 422, message: '证书与单位公钥不符', advice: '请联系系统管理员检查通讯录签发记录。' },
  notAManifest: { status: 422, message: '待签名内容不是合格的发文清单', advice: '请刷新页面后重新封发；持续出现时请联系系统管理员。' },
  notThisOrgans: { status: 403, message: '待签名内容不属于已打开密钥的单位', advice: '请切换到相应岗位并打开该单位密钥后再办理。' },
  notAReceipt: { status: 422, message: '待签名内容不是单位可以出具的回执', advice: '请刷新页面后重新办理；持续出现时请联系系统管理员。' },
  badHeir: { status: 422, message: '承接单位的加密公钥不可用', advice: '请刷新通讯录后重试；承接单位必须已建立 SM2 加密密钥。' },
  malformed: { status: 400, message: '密钥请求格式不正确', advice: '请刷新页面后重试。' },
  replayed: { status: 409, message: '密钥请求重复', advice: '请刷新页面后重试；如非本人操作，请报告安全保密管理员。' },
  tooMany: { status: 413, message: '一次提交的密钥操作过多', advice: '请分批办理，每批不超过 1000 件。' },
  unavailable: { status: 503, message: '密钥服务暂不可用', advice: '请稍候重试；持续出现时请联系系统管理员。' },
})

/** How the ledger names what passes through the relay. */
export const ACTS = {
  hello: 'keys.connect',
  open: 'keys.open',
  signManifests: 'keys.signManifests',
  signReceipts: 'keys.signReceipts',
  unwrap: 'keys.unwrap',
  changeSecret: 'keys.changeSecret',
  addHolder: 'keys.addHolder',
  removeHolder: 'keys.removeHolder',
  bequeath: 'keys.bequeath',
  takeBequest: 'keys.takeBequest',
  status: 'keys.status',
  close: 'keys.close',
  unreadable: 'keys.unreadable',
  createOrganKeys: 'keys.createOrganKeys',
  setCertificates: 'keys.setCertificates',
} as const

export const TITLE = '单位密钥'
