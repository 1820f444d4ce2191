import { defineFaults } from '@postroad/kernel/errors'

export const ledgerTitle = '审计台账'
export const ledgerPermissions = { 'ledger.read': '查阅审计台账' }

export const ledgerFaults = defineFaults('ledger', {
  cut: { status: 503, message: '审计台账比上次签名时短，已停止签名', advice: '如刚从备份恢复，请由安全审计员确认恢复；否则请保护现场并立即报告' },
  forked: { status: 503, message: '审计台账与已签名的检查点不一致，已停止签名', advice: '请保护现场，运行 postroad ledger verify 查看首个异常序号，并立即报告' },
  keyMissing: { status: 503, message: '找不到审计台账的校验密钥', advice: '请从备份恢复密钥文件 keys/ledger.key；不要新建' },
  noCheckpoint: { status: 404, message: '没有该序号的检查点', advice: '请从检查点列表中选择' },
  noRecord: { status: 404, message: '没有该序号的审计记录', advice: '请检查序号，或稍候几秒待其编入台账后再试' },
})
