import type { PageSet } from '@postroad/desk/kit'
import { KeyStatus } from './keys/key-status.tsx'
import { TerminalProvider } from './terminal/provider.tsx'

/** The pages of 公文, each loaded when it is opened. */
export const documentsPages: PageSet = {
  id: 'documents',
  routes: [
    { path: '/', lazy: async () => ({ Component: (await import('./workbench/workbench.tsx')).Workbench }) },
    { path: '/received/:id?', lazy: async () => ({ Component: (await import('./received/received.tsx')).Received }) },
    { path: '/dispatch', lazy: async () => ({ Component: (await import('./dispatch/dispatch.tsx')).Dispatch }) },
    { path: '/sent/:id?', lazy: async () => ({ Component: (await import('./sent/sent.tsx')).Sent }) },
  ],
  publicRoutes: [{ path: '/verify', lazy: async () => ({ Component: (await import('./verify/verify.tsx')).Verify }) }],
  Around: TerminalProvider,
  Status: KeyStatus,
}
