import { directory } from '@postroad/directory/plugin'
import { files } from '@postroad/files/plugin'
import type { Plugin } from '@postroad/kernel/plugin'
import { keys } from '@postroad/keys/plugin'
import { ledger } from '@postroad/ledger/plugin'
import { road } from '../plugin.ts'

/** The rooms that a road needs, in the order of their start. */
export const ROOMS: readonly Plugin[] = [ledger, keys, files, directory, road]
