import { createBrowserRouter, type RouteObject } from 'react-router'
import { applications } from './applications.ts'
import { Waiting } from './kit/waiting.tsx'
import { Broken, NotHere } from './shell/broken.tsx'

const inside: readonly RouteObject[] = applications.flatMap((application) => application.routes)
const outside: readonly RouteObject[] = applications.flatMap((application) => application.publicRoutes ?? [])

/** Sign-in and public pages stand alone; everything else stands in the shell. Pages load when opened. */
export const router = createBrowserRouter([
  {
    errorElement: <Broken />,
    HydrateFallback: Waiting,
    children: [
      { path: '/sign-in', lazy: async () => ({ Component: (await import('./sign-in/sign-in.tsx')).SignIn }) },
      ...outside,
      { lazy: async () => ({ Component: (await import('./shell/shell.tsx')).Shell }), children: [{ errorElement: <Broken />, children: [...inside, { path: '*', element: <NotHere /> }] }] },
    ],
  },
])
