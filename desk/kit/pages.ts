import type { ComponentType, ReactNode } from 'react'
import type { RouteObject } from 'react-router'

/** What an application hangs into the desk: its pages, loaded when opened, and what must stand around them. */
export type PageSet = {
  readonly id: string
  /** Inside the shell, for people who are signed in. */
  readonly routes: readonly RouteObject[]
  /** Outside, for everybody; they may not call the server. */
  readonly publicRoutes?: readonly RouteObject[]
  /** Wraps the shell once somebody is signed in. */
  readonly Around?: ComponentType<{ readonly children: ReactNode }>
  /** A small standing sign in the top bar. */
  readonly Status?: ComponentType
}
