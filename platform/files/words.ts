import { defineFaults } from '@postroad/kernel/errors'

export const filesTitle = '文件'

export const filesFaults = defineFaults('files', {
  diskFull: { status: 507, message: '磁盘空间不足，暂不接收大文件', advice: '请联系系统管理员清理或扩充磁盘；小件公文仍可照常收发' },
  tooLarge: { status: 413, message: '文件超过允许的大小', advice: '请拆分或压缩后再上传' },
  lengthRequired: { status: 411, message: '上传前须声明文件大小', advice: '请使用随附的工作台或符合 tus 1.0 协议的客户端' },
  notTus: { status: 400, message: '上传请求不符合协议', advice: '请使用随附的工作台或符合 tus 1.0 协议的客户端' },
  offsetMismatch: { status: 409, message: '续传位置与已收到的不一致', advice: '请先查询已收到的位置，再从该处续传' },
  tooManyUploads: { status: 429, message: '未完成的上传过多', advice: '请先完成或取消已有的上传' },
  noUpload: { status: 404, message: '没有找到该上传，或您无权使用', advice: '上传可能已过期，请重新上传' },
  uploadIncomplete: { status: 409, message: '文件尚未上传完整', advice: '请续传完成后再提交' },
  bodyMalformed: { status: 400, message: '上传内容的分块格式有误', advice: '请重新上传' },
  chunkMismatch: { status: 400, message: '上传内容与其校验值不符', advice: '传输或存储中出现差错，请重新上传' },
  damaged: { status: 500, message: '存储的内容已损坏，校验未通过', advice: '请立即报告系统管理员，由对方重新传送或从备份恢复' },
  storeDown: { status: 503, message: '公文存储暂时无法使用', advice: '请稍后重试；持续出现请联系系统管理员检查对象存储' },
  noBlob: { status: 404, message: '没有找到该内容', advice: '内容可能已按期清除' },
})
