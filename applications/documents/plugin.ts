import { defineApplication } from '@postroad/kernel/plugin'
import { documentsRoutes } from './http.ts'
import { DUTIES, MENU, TITLE } from './words.ts'

/** 公文: what people open. Everything it shows lies in the road's tables; what it adds is who may see and do what, and the terminal. */
export const documents = defineApplication({
  id: 'documents',
  title: TITLE,
  permissions: DUTIES,
  menu: [
    { id: 'documents.workbench', title: MENU.workbench, path: '/', order: 0, permission: null },
    { id: 'documents.received', title: MENU.received, path: '/received', order: 10, permission: 'documents.read' },
    { id: 'documents.dispatch', title: MENU.dispatch, path: '/dispatch', order: 20, permission: 'documents.send' },
    { id: 'documents.sent', title: MENU.sent, path: '/sent', order: 30, permission: 'documents.read' },
    { id: 'documents.verify', title: MENU.verify, path: '/verify', order: 90, permission: null },
  ],
  routes: documentsRoutes,
})
