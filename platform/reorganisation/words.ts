import { defineFaults } from '@postroad/kernel/errors'
import type { OrderKind, ProblemCode, Step } from './model.ts'

export const TITLE = '机构改革'
export const DUTIES = { 'directory.reorganise': '拟办机构改革', 'directory.supervise': '核准机构改革（安全保密管理员）' } as const
export const KINDS: Readonly<Record<OrderKind, string>> = { establish: '设立', rename: '更名', merge: '合并', split: '分设', abolish: '撤销', move: '迁出', receive: '迁入', plate: '挂牌' }
export const STATES: Readonly<Record<Step, string>> = { prepared: '待核准', approved: '已核准，待执行', done: '已执行', stopped: '未能执行', withdrawn: '已撤回' }

/** What stands in an order's way, and what to do about it. */
export const PROBLEM_WORDS: Readonly<Record<ProblemCode, string>> = {
  unknownOrgan: '通讯录中没有这个单位，请核对单位标识',
  organEnded: '这个单位已经终止，不能再调整',
  notHosted: '这个单位不在本节点，请到它所在的节点办理',
  alreadyExists: '单位标识已被使用过，请换一个',
  foreignId: '标识以其他节点的标识开头，请改用本节点的标识作前缀',
  nothingChanges: '名称没有变化',
  nameUnknown: '通讯录中没有这个发文名义',
  nameNotHeld: '单位不持有这个发文名义',
  nameTaken: '发文名义的标识正在使用，请换一个',
  titleTaken: '名称与同一地区的其他单位或其他发文名义相同',
  codeTaken: '机关代字与同一地区的其他发文名义相同',
  heirUnknown: '通讯录中没有承接单位',
  heirEnded: '承接单位已经终止',
  heirIsSelf: '单位不能由自己承接',
  heirLoop: '承接单位本身已由这个单位承接，形成循环',
  oneHeir: '合并须由同一个单位承接全部事项',
  twoHeirs: '分设至少有两个承接单位',
  heirElsewhere: '承接单位不在本节点，只能承接收件；在办和归档事项请指定本节点的单位，或与收件由同一单位承接',
  heirNoKeys: '承接单位还没有可用的密钥，不能接收公文',
  keysNotHandedOver: '须由原单位密钥持有人先授权：打开原单位密钥，向承接单位移交解密密钥',
  stillHolds: '单位还有收发文，必须指定承接单位',
  nodeUnknown: '通讯录中没有要迁往的节点，或者就是本节点',
  notGiven: '单位原来所在的节点还没有把它迁往本节点',
  postUnknown: '这个人在该单位没有这个岗位',
  postHeir: '岗位只能转到本节点的承接单位',
  untilPast: '截止日期已过',
}

/** What a plan does, in sentences (telling.ts). */
export const tellingWords = {
  begins: (title: string) => `设立「${title}」`,
  comes: (title: string) => `「${title}」迁入本节点`,
  renamed: (before: string, title: string) => `「${before}」更名为「${title}」；此前的公文仍显示原名`,
  ends: (title: string, heirs: readonly string[]) => `「${title}」终止，由${heirs.map((heir) => `「${heir}」`).join('、')}承接`,
  endsAlone: (title: string) => `「${title}」终止，没有承接单位；以后寄给它的公文退为无法投递`,
  moves: (title: string, node: string) => `「${title}」迁往节点「${node}」`,
  nameBegins: (title: string, organ: string) => `发文名义「${title}」启用，由「${organ}」使用`,
  nameForATime: (title: string, organ: string, until: string) => `发文名义「${title}」启用，由「${organ}」使用到 ${until}`,
  nameEnds: (title: string) => `发文名义「${title}」停用`,
  parts: { inbox: '待签收', cases: '已签收未登记', archive: '已办结归档', sent: '已发出' },
  none: '没有要转的公文',
  goes: (part: string, count: number, heir: string) => `${part} ${count} 件转「${heir}」`,
  stays: (part: string, count: number) => `${part} ${count} 件留在原处，由原单位人员收尾`,
  byRoad: (count: number, heirs: readonly string[]) => `待签收 ${count} 件经驿道转往${heirs.map((heir) => `「${heir}」`).join('、')}，发件单位收到转投回执`,
  later: (heir: string) => `执行后到达的公文由「${heir}」签收，发件单位看得到是谁承接`,
  evidence: '以前的公文、回执和证据包照旧可以验证',
  postMoves: (holder: string, heir: string) => `${holder}转到「${heir}」，职责不变`,
  postEnds: (holder: string) => `${holder}的岗位终止`,
  signingEnds: '原单位的签名密钥停用，不能再以它的名义发文；已签的照旧有效',
  mayRead: (heir: string) => `「${heir}」的人员可以阅读原单位的公文（用移交的解密密钥）`,
}

export const reorganisationFaults = defineFaults('reorganisation', {
  notFound: { status: 404, message: '没有找到这项机构改革', advice: '请从机构改革列表中打开。' },
  cannotBeCarriedOut: { status: 422, message: '这项机构改革目前不能执行', advice: '请按所列问题逐项处理后重新拟办。' },
  planChanged: { status: 409, message: '拟办之后情况有变，原计划不再适用', advice: '请撤回后重新拟办，重新核准。' },
  samePerson: { status: 403, message: '拟办人不能核准自己拟办的机构改革', advice: '请由另一名有此职责的同志或安全保密管理员核准。' },
  wrongState: { status: 409, message: '这项机构改革不在可以办理的状态', advice: '请刷新后查看其状态。' },
})
