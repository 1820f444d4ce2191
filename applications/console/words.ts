// Every word a person reads in the console, once.

export const TITLE = '网络中心控制台'
export const MENU = { condition: '运行状况', members: '成员节点', bundles: '摆渡', reorganisation: '机构改革' } as const
export const DUTIES = { 'console.watch': '查看运行状况，知晓告警' } as const
