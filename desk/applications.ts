import { consolePages } from '@postroad/console/pages'
import { documentsPages } from '@postroad/documents/pages'
import type { PageSet } from './kit/pages.ts'

/** The applications whose pages this desk carries: the only place where it knows them. */
export const applications: readonly PageSet[] = [documentsPages, consolePages]
