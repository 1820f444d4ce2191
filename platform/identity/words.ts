import { defineFaults } from '@postroad/kernel/errors'

/** Refusals of the identity room. One answer stands for every reason why a sign-in fails, so that nobody learns which accounts exist. */
export const identityFaults = defineFaults('identity', {
  signInRefused: { status: 401, message: '登录未成功', advice: '请核对账号和口令，并使用本人已登记的设备或通行密钥；多次失败后该账号在本机须等待 15 分钟再试。' },
  tooManyAttempts: { status: 429, message: '本网络地址尝试登录次数过多', advice: '请等待约 15 分钟后再试；如非本人操作，请报告安全保密管理员。' },
  enrolmentRefused: { status: 403, message: '账号或一次性启用码不正确', advice: '请核对账号和启用码；启用码只能使用一次，过期或已使用的，请向单位管理员重新领取。' },
  weakPassword: { status: 422, message: '口令过于简单', advice: '口令至少 10 个字符，不得包含账号或姓名，不得使用常见口令或少数字符的重复。' },
  badClientKey: { status: 422, message: '设备公钥格式不正确', advice: '请使用工作台支持的浏览器重新登记本设备。' },
  noPost: { status: 403, message: '您目前没有有效岗位', advice: '请联系单位管理员核对任职信息。' },
  notYourPost: { status: 404, message: '没有找到该岗位，或该岗位不属于您', advice: '请刷新页面后重新选择岗位。' },
  notYourSession: { status: 404, message: '没有找到该登录会话', advice: '该会话可能已结束，请刷新列表。' },
  notYourPerson: { status: 404, message: '没有找到该人员，或不归您管理', advice: '请核对人员；只能管理本单位人员。' },
  proveAgain: { status: 403, message: '此操作需要重新验证身份', advice: '请用本设备密钥或通行密钥再次验证后继续。' },
  proofRefused: { status: 403, message: '身份验证未通过', advice: '请使用本人已登记的设备或通行密钥重新验证。' },
  passkeyRefused: { status: 422, message: '通行密钥登记未成功', advice: '请重新登记；同一通行密钥不能重复登记，也不能登记给他人。' },
  tooManyKeys: { status: 409, message: '已登记的设备和通行密钥过多', advice: '请先停用不再使用的设备或通行密钥。' },
  lastKey: { status: 409, message: '不能停用最后一个设备密钥或通行密钥', advice: '请先登记另一个设备或通行密钥。' },
  notYourKey: { status: 404, message: '没有找到该设备密钥或通行密钥', advice: '请刷新列表后重试。' },
})

export const TITLE = '身份'
export const RELYING_PARTY = '驿道'
export const permissions = { 'identity.manage': '人员管理' }
