import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PLANTED } from './planted.ts'

/** Loaded before a node's own code (`--import`): puts the bug that POSTROAD_PLANT names into its place. The code on the disk is not touched. */
const bug = PLANTED.find(({ name }) => name === process.env['POSTROAD_PLANT'])
if (bug === undefined) throw new Error(`no planted bug “${process.env['POSTROAD_PLANT'] ?? ''}”; there are: ${PLANTED.map(({ name }) => name).join(', ')}`)
const url = pathToFileURL(join(import.meta.dirname, '..', '..', bug.file)).href

registerHooks({
  load(asked, context, next) {
    const loaded = next(asked, context)
    if (asked !== url) return loaded
    const source = Buffer.from(loaded.source as Uint8Array).toString('utf8')
    if (source.split(bug.find).length !== 2) throw new Error(`${bug.name}: its place in ${bug.file} is gone`)
    return { ...loaded, source: source.replace(bug.find, () => bug.replace) }
  },
})
