import { defineFaults } from '@postroad/kernel/errors'

export const directoryTitle = '通讯录'

export const directoryFaults = defineFaults('directory', {
  notJoined: { status: 503, message: '本节点尚未加入上级节点，通讯录不可用', advice: '请检查上级节点地址与加入码，或稍候自动重试' },
  notSetUp: { status: 503, message: '节点尚未初始化', advice: '首次启动须用 POSTROAD_BOOTSTRAP 指明初始化文件' },
  otherNode: { status: 500, message: '初始化文件与本节点的标识不符', advice: '请检查 POSTROAD_NODE 与初始化文件中的节点标识' },
  restoring: { status: 503, message: '本节点的通讯录日志比已公布的短，暂不能变更', advice: '刚从备份恢复时会自动从相邻节点取回；如长时间未恢复请联系上级节点' },
  invalidStatement: { status: 400, message: '该变更不符合通讯录规则，已拒绝', advice: '请检查标识是否已被占用、单位是否归本节点管理' },
  unknownPeer: { status: 403, message: '对方证书不在通讯录中', advice: '请确认对方节点已加入且证书未更换' },
  notNeighbour: { status: 403, message: '对方不是本节点的上级或下级', advice: '通讯录只在相邻节点之间交换' },
  badCode: { status: 403, message: '加入码无效、已使用或已过期', advice: '请向上级节点重新索取加入码' },
  joinedAlready: { status: 409, message: '该节点已用另一套密钥加入', advice: '节点密钥遗失时须由两名恢复人办理恢复，不能重新加入' },
  wrongAnchor: { status: 502, message: '上级节点出示的根指纹与加入码所附不符', advice: '请核对地址与根指纹，谨防冒充' },
  wrongServer: { status: 502, message: '对方证书与通讯录记载不符', advice: '请核对地址，谨防冒充' },
  peerUnreachable: { status: 502, message: '无法连接相邻节点', advice: '请检查网络与对方节点是否运行' },
  peerRefused: { status: 502, message: '相邻节点拒绝了请求', advice: '请查看详情中的代码' },
  malformed: { status: 400, message: '请求格式有误', advice: '请使用符合协议的软件' },
  misbehaviour: { status: 409, message: '收到与已知通讯录相矛盾的条目，已拒绝并留证', advice: '请立即报告安全审计员，并与相邻节点核对' },
})
