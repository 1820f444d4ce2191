import { defineFaults } from '@postroad/kernel/errors'
import type { AlarmDetail } from './alarms.ts'
import type { AlarmCode } from './model.ts'

// Every word of an alarm, once: on the page, in the metrics' example rules and in the manual.

export const TITLE = '值守'

/** `what` is wrong, whether anything is `lost`, what `toDo` now. `{…}` is filled from the alarm's detail. */
type AlarmWords = { readonly what: string; readonly lost: string; readonly toDo: string }

const WAITS = '没有丢失：公文在本节点等待，线路恢复后自动发出。'
const NOTHING = '没有丢失。'

export const ALARMS: Readonly<Record<AlarmCode, AlarmWords>> = {
  linkSilent: { what: '与{title}的链路不通，有 {count} 件在等待', lost: WAITS, toDo: '先打电话问对方节点是否在运行；在运行的，检查两端网络和防火墙（postroad doctor 会指出断在哪一跳）。有特急件的，同时通知发文单位改用其他渠道。' },
  linkWrongCertificate: { what: '{title}出示的证书与通讯录不同', lost: WAITS, toDo: '可能有人冒充，也可能对方换了证书还没有传到。请用电话与对方核对证书指纹；核对前不要绕过，并报告安全保密管理员。' },
  extraUrgentWaiting: { what: '发往{title}的特急件已等待 {minutes} 分钟', lost: WAITS, toDo: '请立即打电话告知发文单位和{title}，必要时改走其他渠道；再看下面这条链路的失败原因。' },
  queueOld: { what: '发往{title}的公文最久已等待 {minutes} 分钟，共 {count} 件', lost: WAITS, toDo: '请看下面这条链路的状态和失败原因；对方拒收的，按代码查手册；对方磁盘满的，请对方清理。' },
  poisonedShipment: { what: '发往{title}的一件公文试了 {attempts} 次都没有成功，其他件照常通过', lost: '没有丢失：这一件留在本节点，仍在重试，不影响其他件。', toDo: '请按失败原因的代码查手册；仍不成功的，请把代码和时间告诉{title}，由发文单位决定是否改走纸质。' },
  strandedQueue: { what: '{title}已不是本节点的上级或下级，仍有 {count} 件在等它', lost: '没有丢失，但不会自己发出。', toDo: '请核对通讯录中的变更是否应当发生；应当发生的，请告知发文单位重新封发给接续单位。' },
  bundleMissing: { what: '{title}摆渡来的数据包缺 {missing} 个、不完整 {partial} 个', lost: '没有丢失：所缺内容对方还留着，过几次往来会自动补发。', toDo: '请先找遗漏的介质，再导入；找不到的，告诉{title}按编号重新写出（「摆渡」页面列出缺哪几个）。' },
  bundleHeld: { what: '发往{title}的公文有 {held} 件标识高于链路上限，已扣留', lost: '没有丢失，但不会自己发出。', toDo: '请按规定改走机要等其他渠道，再到「摆渡」页面逐件办结。' },
  leavingAsked: { what: '上级节点正在办理本节点退网：{reason}', lost: '没有丢失：在途的照常送达，新的公文不再收发。', toDo: '请各单位签收或退回待签收的公文，再到「成员节点」页面确认交接完毕。不应退网的，请立即与上级节点联系。' },
  clockOff: { what: '本机时钟与{title}相差 {seconds} 秒', lost: NOTHING, toDo: '请在两台机器上启用校时（timedatectl set-ntp true），看哪一台不准。回执的时间以时钟为准。' },
  directoryStale: { what: '{title}等 {count} 个节点的名录已久未更新', lost: '没有丢失：到那里的公文可能在途中等待。', toDo: '请逐级检查通往{title}的链路；长期停用的节点，请其上级办理退网。' },
  certificateSoon: { what: '{title}的证书还有 {days} 天到期（快到期的共 {count} 张）', lost: NOTHING, toDo: '请在到期前由上级节点签发新证书。' },
  certificateNow: { what: '{title}的证书只剩 {days} 天（快到期的共 {count} 张）', lost: NOTHING, toDo: '请今天就由上级节点签发新证书；过期后对方将拒绝连接。' },
  diskLow: { what: '磁盘 {volume} 只剩 {freeMegabytes} MB，已停止接收大附件', lost: '没有丢失：小件公文和回执照常。', toDo: '请清理或扩充磁盘。' },
  diskFull: { what: '磁盘 {volume} 只剩 {freeMegabytes} MB，已不能接收公文', lost: '没有丢失：发来的公文在上一节点等待。', toDo: '请立即清理或扩充磁盘；腾出空间后自动恢复。' },
  keyProcessDown: { what: '密钥进程没有应答', lost: '没有丢失：公文照常转递和到达，但本节点各单位暂不能封发、签收。', toDo: '它会自动重启；一分钟后仍告警，请重启本节点。恢复后请各单位重新输入密钥口令。' },
  ledgerBroken: { what: '审计账核验不通过：记录被改动、删除或插入', lost: '公文没有丢失；审计记录不再可信。', toDo: '请保护现场，不要重启或修改数据库，立即报告安全审计员；用 postroad ledger verify 查出第一条不对的记录。' },
  backupOld: { what: '最近一次备份是 {hours} 小时以前', lost: NOTHING, toDo: '请检查备份任务的日志和备份盘的空间，并手工备份一次。' },
  standbyMissing: { what: '数据库没有同步备机', lost: '没有丢失；但此时主机损坏，会丢失最近办理的事项。主机若设为必须同步，办理会停住等待备机。', toDo: '请立即恢复备机，或把旧主机重建为备机（手册“数据库主备”一节有逐步命令）。备机确在同步的，请授权：grant pg_read_all_stats to postroad_app。' },
  standbyLag: { what: '数据库备机 {name} 落后 {seconds} 秒', lost: '没有丢失；此时若主机损坏，备机会缺最近的部分。', toDo: '请检查备机的磁盘和与主机之间的网络。' },
  oldSnapshot: { what: '数据库里有一个事务已开着 {minutes} 分钟', lost: '没有丢失；时间长了队列会变慢。', toDo: '请结束它（通常是报表或备份）；长报表请在备机上做。' },
  failedJobs: { what: '有 {count} 项定时任务多次失败', lost: NOTHING, toDo: '请在日志中查看失败原因，改正后重启本节点。' },
}

/** A sentence with its details filled in. */
export const fill = (text: string, detail: AlarmDetail): string => text.replace(/\{(\w+)\}/g, (_, name: string) => String(detail[name] ?? ''))

export const watchFaults = defineFaults('watch', {
  noAlarm: { status: 404, message: '没有找到这条告警', advice: '它可能已经解除，请刷新页面。' },
})
