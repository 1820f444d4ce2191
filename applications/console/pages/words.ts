/** Words of the page 「运行状况」. */
export const conditionWords = {
  title: '运行状况',
  links: '链路',
  peer: '对端',
  state: '状态',
  waiting: '排队运单',
  receipts: '待回回执',
  none: '还没有链路',
  noneHelp: '有上级或下级节点加入之后，这里列出与它们的链路。',
  open: '畅通',
  greeting: '正在握手',
  paused: (failures: number) => `不通，已连续失败 ${failures} 次`,
} as const
