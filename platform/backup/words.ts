import { defineFaults } from '@postroad/kernel/errors'

export const backupTitle = '备份与恢复'

export const backupFaults = defineFaults('backup', {
  noKey: { status: 409, message: '本节点还没有备份密钥', advice: '请先运行 postroad backup key --out 文件，并把该文件离线保管' },
  keyExists: { status: 409, message: '本节点已有备份密钥，或输出文件已存在', advice: '如确需更换，请先移走 keys/backup.json；旧备份仍需旧的恢复密钥文件' },
  badKeyFile: { status: 400, message: '恢复密钥文件无法读取', advice: '请检查所给文件是否为 postroad backup key 生成的文件' },
  wrongKey: { status: 409, message: '恢复密钥与这份备份不符', advice: '请使用做备份时所用的恢复密钥文件' },
  wrongNode: { status: 409, message: '这份备份属于另一个节点', advice: '请核对备份目录与恢复密钥文件是否属于同一节点' },
  unknownSigner: { status: 409, message: '备份的签名密钥不在恢复密钥文件中', advice: '可能有人替换了备份；如节点换过密钥，请使用换钥之后生成的恢复密钥文件' },
  tampered: { status: 409, message: '备份内容被改动过', advice: '不要使用这份备份；请换用另一份，并报告安全审计员' },
  truncated: { status: 409, message: '备份文件不完整', advice: '请换用另一份备份；如正在复制，请等复制完成' },
  notFound: { status: 404, message: '目录中没有可用的备份', advice: '请核对目录；未完成的备份不能用于恢复' },
  walMissing: { status: 409, message: '缺少恢复到该时刻所需的日志', advice: '请用 --at 选择更早的时刻，或换用另一份备份' },
  momentTooEarly: { status: 409, message: '所选时刻早于最早的备份', advice: '请用 postroad backup list 查看可以恢复到的时刻' },
  momentTooLate: { status: 409, message: '所选时刻晚于备份所能到达的时刻', advice: '请用 postroad backup list 查看可以恢复到的时刻，或去掉 --at 恢复到最新' },
  homeNotEmpty: { status: 409, message: '目标目录不是空的', advice: '恢复只写入新目录，绝不覆盖；请另选 --home' },
  noRoom: { status: 507, message: '磁盘空间不足', advice: '请清理磁盘或另选目录后重试' },
  unsafePath: { status: 409, message: '备份中有越出目录的路径', advice: '不要使用这份备份；请报告安全审计员' },
  blobMissing: { status: 409, message: '备份中缺少正文文件', advice: '请换用另一份备份' },
  serverUnfit: { status: 409, message: '数据库不能做基础备份', advice: '需要 PostgreSQL 15 或以上、带复制权限的连接、没有额外表空间；外部数据库请设置 DATABASE_REPLICATION_URL' },
  recoveryFailed: { status: 500, message: '数据库没有恢复成功', advice: '请看错误详情；目标目录没有留下任何内容，可以换一个时刻或另一份备份重试' },
  ledgerBroken: { status: 500, message: '恢复出的审计台账核验不通过', advice: '目标目录没有留下任何内容；请换用另一份备份，并报告安全审计员' },
  dataNeeded: { status: 400, message: '这份备份的数据库是外部的', advice: '请用 --data 指明恢复出的数据库目录，再按提示启动它' },
})

export const ACTS = { made: 'backup.made', failed: 'backup.failed', restored: 'backup.restored' } as const
