import type { PageSet } from '@postroad/desk/kit'

/** The pages of 网络中心控制台, each loaded when it is opened. */
export const consolePages: PageSet = {
  id: 'console',
  routes: [
    { path: '/console/condition', lazy: async () => ({ Component: (await import('./condition/condition.tsx')).ConditionPage }) },
    { path: '/console/members', lazy: async () => ({ Component: (await import('./members/members.tsx')).MembersPage }) },
    { path: '/console/bundles', lazy: async () => ({ Component: (await import('./bundles/bundles.tsx')).BundlesPage }) },
    { path: '/console/reorganisation', lazy: async () => ({ Component: (await import('./reorganisation/reorganisation.tsx')).ReorganisationPage }) },
  ],
}
