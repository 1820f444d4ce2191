export * from './bytes.ts'
export * from './suite.ts'
export * as der from './der.ts'
