import { defineFaults } from '@postroad/kernel/errors'

export const directoryTitle = '通讯录'
export const directoryDuties = { 'directory.admit': '节点准入' } as const

export const directoryFaults = defineFaults('directory', {
  notJoined: { status: 503, message: '本节点尚未加入上级节点，通讯录不可用', advice: '请检查上级节点地址与加入码，或稍候自动重试' },
  notSetUp: { status: 503, message: '节点尚未初始化', advice: '首次启动须用 POSTROAD_BOOTSTRAP 指明初始化文件' },
  otherNode: { status: 500, message: '初始化文件与本节点的标识不符', advice: '请检查 POSTROAD_NODE 与初始化文件中的节点标识' },
  restoring: { status: 503, message: '本节点的通讯录日志比已公布的短，暂不能变更', advice: '刚从备份恢复时会自动从相邻节点取回；如长时间未恢复请联系上级节点' },
  invalidStatement: { status: 400, message: '该变更不符合通讯录规则，已拒绝', advice: '请检查标识是否已被占用、单位是否归本节点管理' },
  unknownPeer: { status: 403, message: '对方证书不在通讯录中', advice: '请确认对方节点已加入且证书未更换' },
  notNeighbour: { status: 403, message: '对方不是本节点的上级或下级', advice: '通讯录只在相邻节点之间交换' },
  badCode: { status: 403, message: '加入码不属于本节点，或不是上级节点发出的', advice: '请与发码人核对加入码和上级节点；仍不行请重新索取' },
  codeMistyped: { status: 400, message: '加入码输入有误', advice: '请核对所指的那一行；行号为 0 时多半是缺行、多行或行序不对' },
  codeWithdrawn: { status: 403, message: '加入码已被上级节点撤回', advice: '请向上级节点重新索取加入码' },
  codeExpired: { status: 403, message: '加入码已过期', advice: '请向上级节点重新索取加入码' },
  codeUsed: { status: 409, message: '加入码已被另一台机器用过', advice: '如果不是你们自己用的，请立即电话告知上级节点' },
  codeTaken: { status: 409, message: '另一台机器已用这个加入码提出申请', advice: '加入码可能已泄露：请立即电话告知上级节点，由其撤回并重新发码' },
  joinRefused: { status: 403, message: '上级节点拒绝了加入申请', advice: '理由见详情；请与上级节点联系后重新索取加入码' },
  inBetween: { status: 403, message: '本节点与上级节点之间有第三方拦截连接', advice: '请停止操作，立即报告安全审计员，检查网络后重新发码' },
  otherPlace: { status: 403, message: '申请的层级、行政区划或密级与邀请不符', advice: '请按邀请填写，或请上级节点重新邀请' },
  nodeExists: { status: 409, message: '该标识的节点已在网络中', advice: '请换一个标识；密钥遗失须办理恢复，不能重新加入' },
  invitedAlready: { status: 409, message: '该节点已有未办结的邀请', advice: '请先办理或撤回原邀请' },
  noEndpoint: { status: 409, message: '本节点没有公布地址，下级无法连接', advice: '请在初始化文件中写明 endpoint' },
  noInvitation: { status: 404, message: '没有这份邀请', advice: '请刷新后再看' },
  notWaiting: { status: 409, message: '该邀请现在不能这样办理', advice: '请刷新后再看：可能已由他人办理' },
  otherFingerprint: { status: 409, message: '核对的指纹与申请节点的指纹不符', advice: '请刷新后重新核对指纹' },
  secondPersonNeeded: { status: 403, message: '须由邀请人以外的另一人准入', advice: '请另一位有“节点准入”职责的人办理' },
  joinedAlready: { status: 409, message: '该节点已用另一套密钥加入', advice: '节点密钥遗失时须由两名恢复人办理恢复，不能重新加入' },
  wrongAnchor: { status: 502, message: '上级节点出示的根指纹与加入码所附不符', advice: '请核对地址与根指纹，谨防冒充' },
  wrongServer: { status: 502, message: '对方证书与通讯录记载不符', advice: '请核对地址，谨防冒充' },
  peerUnreachable: { status: 502, message: '无法连接相邻节点', advice: '请检查网络与对方节点是否运行' },
  peerRefused: { status: 502, message: '相邻节点拒绝了请求', advice: '请查看详情中的代码' },
  malformed: { status: 400, message: '请求格式有误', advice: '请使用符合协议的软件' },
  misbehaviour: { status: 409, message: '收到与已知通讯录相矛盾的条目，已拒绝并留证', advice: '请立即报告安全审计员，并与相邻节点核对' },
})
