import { defineApplication } from '@postroad/kernel/plugin'
import { consoleRoutes } from './http.ts'
import { DUTIES, MENU, TITLE } from './words.ts'

/** 网络中心控制台: what the operators of a node see and do. It keeps nothing of its own. */
export const networkConsole = defineApplication({
  id: 'console',
  title: TITLE,
  permissions: DUTIES,
  menu: [
    { id: 'console.condition', title: MENU.condition, path: '/console/condition', order: 200, permission: 'console.watch' },
    { id: 'console.members', title: MENU.members, path: '/console/members', order: 210, permission: 'directory.admit' },
    { id: 'console.bundles', title: MENU.bundles, path: '/console/bundles', order: 215, permission: 'road.watch' },
    { id: 'console.reorganisation', title: MENU.reorganisation, path: '/console/reorganisation', order: 220, permission: ['directory.reorganise', 'directory.supervise'] },
  ],
  routes: consoleRoutes,
})
