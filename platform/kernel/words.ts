import { defineFaults } from './errors.ts'

/** Faults that any route may answer with. */
export const kernelFaults = defineFaults('kernel', {
  unexpected: { status: 500, message: '系统内部发生错误，本次操作未完成', advice: '请稍后重试；若仍出现，请将事件编号告知系统管理员' },
  invalid: { status: 400, message: '提交的内容不符合要求', advice: '请按提示的位置改正后重新提交' },
  notFound: { status: 404, message: '没有找到，或您无权查看', advice: '请核对地址，或从列表中重新打开' },
  signInRequired: { status: 401, message: '尚未登录，或登录已失效', advice: '请重新登录' },
  forbidden: { status: 403, message: '您的岗位没有此项职权', advice: '请切换到有此职权的岗位，或联系单位管理员' },
  csrf: { status: 403, message: '请求未能证明来自本页面，已拒绝', advice: '请刷新页面后重试' },
  foreignHost: { status: 421, message: '请求的主机名不是本节点的地址', advice: '请使用管理员公布的地址访问' },
  tooLarge: { status: 413, message: '提交的内容过大', advice: '大文件请用附件上传；其他内容请缩减后重试' },
  headersTooLarge: { status: 431, message: '请求头过大', advice: '请清除本站点的 Cookie 后重试' },
  tooSlow: { status: 408, message: '请求发送过慢，已断开', advice: '请检查网络后重试' },
  wrongType: { status: 415, message: '不支持提交内容的类型', advice: '接口只接受说明中列出的内容类型' },
  malformed: { status: 400, message: '提交的内容格式有误，无法读取', advice: '请检查内容是否完整、编码是否正确' },
  tooManyStreams: { status: 429, message: '打开的页面过多', advice: '请关闭多余的页面后重试' },
  noPrimary: { status: 503, message: '数据库正在切换，暂时不能办理', advice: '请稍等片刻重试；已提交成功的不受影响。持续一分钟以上的，请联系系统管理员' },
  stopping: { status: 503, message: '节点正在停止', advice: '请稍后重试' },
})

/** What the browser shows when the desk has not been built. */
export const DESK_MISSING = '<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>驿道</title><p>工作台尚未构建。</p></html>'
export const API_TITLE = '驿道接口'
