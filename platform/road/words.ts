import { type FaultDefinition, type Refusal, defineFaults } from '@postroad/kernel/errors'
import { FAULT_CODES, FAULT_WORDS, type FaultCode, type WaybillFault } from '@postroad/waybill'

export const roadTitle = '驿道'
export const roadPermissions = { 'road.watch': '查看摆渡链路', 'road.bundle': '准备摆渡数据包', 'road.release': '放行摆渡数据包' }

const KEY_CODES: readonly FaultCode[] = ['unknownKey', 'wrongKeyPurpose', 'notYetValidKey', 'expiredKey', 'retiredKey', 'revokedKey', 'compromisedKey', 'unknownOrgan', 'unknownNode', 'nameNotHeld']
const STATE_CODES: readonly FaultCode[] = ['alreadySignedFor', 'alreadyRegistered', 'alreadyReturned', 'alreadyRecalled', 'alreadyEnded', 'notSignedFor', 'notArrived']

export const roadFaults = defineFaults('road', {
  clientIdReused: { status: 409, message: '同一提交编号已用于另一份文件。', advice: '请勿重复使用提交编号；如需重新发文，请重新封发。' },
  sameIdOtherContent: { status: 409, message: '该文件编号已存在，但内容不同，已拒绝。', advice: '文件可能被替换，请与来文单位核对，并报告安全保密管理员。' },
  labelTooHigh: { status: 422, message: '文件标识高于节点允许的最高标识，不得经此传输。', advice: '请按规定改走机要等其他渠道。' },
  nextLabelTooHigh: { status: 422, message: '下一节点不得承载此标识的文件。', advice: '请按规定改走机要等其他渠道。' },
  expired: { status: 422, message: '文件的时限已过。', advice: '请重新设定时限后封发。' },
  createdInFuture: { status: 422, message: '文件的形成时间与节点时钟相差过大。', advice: '请校准本机时钟后重新封发。' },
  notYourOrgan: { status: 403, message: '您当前的岗位不属于发文单位。', advice: '请切换到发文单位的岗位后重试。' },
  noDuty: { status: 403, message: '您当前的岗位没有封发文件的职权。', advice: '请切换岗位，或联系单位管理员。' },
  aboveClearance: { status: 403, message: '文件标识高于您的知悉范围。', advice: '请由有相应权限的人员办理。' },
  regardingUnknown: { status: 422, message: '没有找到所指的原文件。', advice: '请从已发文件中选择需要撤回、更正或作废的文件。' },
  bodyMissing: { status: 422, message: '正文不完整。', advice: '请重新上传附件后封发。' },
  bodyTooLong: { status: 422, message: '正文超过随单传输的上限。', advice: '请通过附件上传。' },
  noDelivery: { status: 404, message: '没有找到，或您无权查看。', advice: '请从收文列表中重新打开。' },
  notTheActor: { status: 403, message: '回执中的办理人与当前登录人不一致。', advice: '请以本人当前岗位重新办理。' },
  unknownMessage: { status: 404, message: '本节点没有回执所指的文件。', advice: '请核对回执来源。' },
  unknownPeer: { status: 403, message: '对方节点的证书不在通讯录中，已拒绝。', advice: '请确认对方已加入网络，且证书未被更换。' },
  peerBlocked: { status: 403, message: '对方节点已被封锁，暂停往来。', advice: '解除封锁后自动恢复；在此之前公文各自留存，不会丢失。' },
  peerLeft: { status: 403, message: '对方节点已退网，不再往来。', advice: '需要重新入网的，请由上级节点重新邀请。' },
  nodeLeaving: { status: 409, message: '收文单位所在节点正在退网，不再接收新公文。', advice: '请从主送、抄送中移去该单位，改用其他渠道送达；事项紧急的，请先与对方电话联系。' },
  ownNodeLeaving: { status: 409, message: '本单位所在节点正在退网，不再发文。', advice: '仍可签收、登记和撤回；要发新的公文，请与本节点的管理员联系。' },
  notDrained: { status: 409, message: '还有公文或回执没有办完，不能办结退网。', advice: '件数见详情：待送出的会自动送出，待签收的请各单位签收或退文后再试。' },
  farewellPassed: { status: 409, message: '对方确认之后又收到了新的公文。', advice: '请对方办完这些公文后，在「成员节点」页面再确认一次。' },
  peerMismatch: { status: 403, message: '对方自称的节点与其证书不符，已拒绝。', advice: '可能有节点冒用他人证书，请立即报告安全保密管理员。' },
  notNeighbour: { status: 403, message: '对方不是本节点的直接上级或下级，已拒绝。', advice: '文件应逐级经中心传输，请检查对方配置。' },
  greetFirst: { status: 409, message: '本节点重新启动过，请先握手。', advice: '对方节点会自动重试，无需人工处理。' },
  wrongType: { status: 415, message: '不支持此内容类型。', advice: '请使用协议规定的内容类型。' },
  noSuchRoute: { status: 404, message: '没有此接口。', advice: '请核对协议版本。' },
  bodyCut: { status: 400, message: '传输中断，内容不完整。', advice: '对方节点会自动续传，无需人工处理。' },
  tooLong: { status: 413, message: '内容超过上限。', advice: '请核对发送方程序。' },
  shipmentIdMismatch: { status: 422, message: '运单编号与内容不符，已拒绝。', advice: '运单可能被改动，请报告安全保密管理员。' },
  hopNotPeer: { status: 422, message: '最后一程的签署节点不是送来的节点，已拒绝。', advice: '运单可能被转手或冒送，请报告安全保密管理员。' },
  wrongRecipient: { status: 422, message: '收件单位不在本节点及下级，已拒绝。', advice: '请检查双方通讯录是否一致。' },
  notAnnounced: { status: 404, message: '没有等待此分块的运单。', advice: '对方节点会先重发运单，无需人工处理。' },
  badReceipts: { status: 422, message: '回执无法读取，已拒绝。', advice: '请核对发送方程序。' },
  noCustody: { status: 502, message: '对方没有给出有效的接收回执。', advice: '系统会自动重试；若持续出现，请联系对方节点。' },
  clocksDiffer: { status: 503, message: '两个节点的时钟相差超过五分钟，暂不交接。', advice: '请在两个节点上分别校准时钟（建议启用自动对时）；校准后自动继续，文件不会丢失。' },
  clockWrong: { status: 503, message: '本节点的时钟早于自己密钥的启用时间，暂不办理收发。', advice: '请校准本节点的时钟；校准后自动继续，文件不会丢失。' },
  stopping: { status: 503, message: '节点正在停止。', advice: '请稍后重试。' },
  notClosable: { status: 409, message: '该件不能由人工结束。', advice: '请刷新跟踪页面后再试。' },
  notByBundle: { status: 409, message: '该链路不是摆渡链路。', advice: '请核对相邻节点编号，以及 POSTROAD_LINKS 所指文件中该链路的 carrier 设置。' },
  otherCarrier: { status: 403, message: '该链路约定用另一种方式传输，已拒绝。', advice: '摆渡链路不得联网直传；请核对双方的链路设置。' },
  bundleOpen: { status: 409, message: '该链路已有一个数据包待放行或待写出。', advice: '请先放行并写出，或撤销该数据包。' },
  bundleNotOpen: { status: 409, message: '该数据包已放行、写出或撤销。', advice: '请刷新后查看当前状态。' },
  bundleNotReleased: { status: 409, message: '没有已放行的数据包，不能写出。', advice: '请由一人准备、另一人放行（双人放行）后再写出。' },
  noBundle: { status: 404, message: '没有找到该数据包，或其内容已不必保留。', advice: '请核对链路和编号。' },
  samePerson: { status: 403, message: '准备与放行不得为同一人。', advice: '请由另一名有放行职权的人员办理。' },
  notHeld: { status: 409, message: '该运单没有因标识被扣留。', advice: '请刷新后查看当前状态。' },
  heldByPerson: { status: 409, message: '文件标识高于该链路允许的最高标识，经人工决定不再发出。', advice: '请按规定改走机要等其他渠道。' },
  volumeQuarantined: { status: 422, message: '扫描程序未放行该分卷，已隔离。', advice: '请勿再使用该介质，立即报告安全保密管理员。' },
  bundleUnreadable: { status: 422, message: '清单无法读取或不符合格式。', advice: '请核对介质是否完好，必要时请对方重新写出。' },
  bundleForged: { status: 403, message: '清单的签名无效，已拒绝。', advice: '数据包可能被伪造或改动，请保留介质并报告安全保密管理员。' },
  bundleNotForUs: { status: 422, message: '该数据包不是发给本节点的，已拒绝。', advice: '请将介质送交正确的节点。' },
  bundleNumberReused: { status: 409, message: '同一编号的数据包此前已收到，但内容不同，已拒绝并留证。', advice: '请与对方核对：可能有人替换介质，或对方从备份恢复后重用了编号。' },
  bundleDiffers: { status: 500, message: '再次写出的内容与首次不一致，已停止。', advice: '存储可能损坏，请运行 postroad doctor 并联系系统管理员。' },
  mediumFailed: { status: 507, message: '介质无法写入或空间不足。', advice: '请更换介质，或用 --volume-size 减小分卷后重试；内容仍在待发队列中。' },
  partDamaged: { status: 422, message: '数据包的一部分已损坏，未采用。', advice: '请对方重新写出该编号的数据包；下一次往来也会自动补发。' },
  partRefused: { status: 422, message: '数据包中的一部分未被接受。', advice: '请查看详情中的代码。' },
  ...fromProtocol(),
})

/** Every fault of the protocol is a fault of the road: what arrives wrong is refused, never repaired. */
function fromProtocol(): Record<FaultCode, FaultDefinition> {
  return Object.fromEntries(FAULT_CODES.map((code) => [code, { status: statusOf(code), message: `${FAULT_WORDS[code]}。`, advice: adviceOf(code) }])) as Record<FaultCode, FaultDefinition>
}

function statusOf(code: FaultCode): number {
  if (code === 'headTooLarge' || code === 'tooLarge') return 413
  if (code.startsWith('already') || code === 'notSignedFor' || code === 'notArrived') return 409
  return 422
}

function adviceOf(code: FaultCode): string {
  if (STATE_CODES.includes(code)) return '请刷新后查看该件的当前状态。'
  if (KEY_CODES.includes(code)) return '请核对通讯录是否为最新，必要时请对方单位更新密钥。'
  return '内容可能被改动或发送方程序有误，请与来文方核对，并报告安全保密管理员。'
}

/** The road's refusal for a fault of the protocol. */
export const refusalOf = (fault: WaybillFault, detail: Readonly<Record<string, string>> = {}): Refusal => roadFaults[fault.code]({ ...detail, fault: fault.detail.slice(0, 200) })
