import { defineApplication } from '@postroad/kernel/plugin'
import { documentsRoutes } from './http.ts'
import { DUTIES, MENU, TITLE } from './words.ts'

/** 公文: what people open. What it shows lies in the road's tables; it adds who may see and do what, the lists of recipients, and the terminal. */
export const documents = defineApplication({
  id: 'documents',
  title: TITLE,
  migrations: new URL('./migrations/', import.meta.url),
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
