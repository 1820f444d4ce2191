import { randomUUID } from 'node:crypto'
import { service } from '@postroad/kernel/principal'
import { record } from '@postroad/ledger/service'
import { lifeOf } from '../engine/epoch.ts'
import { hearGreeting } from '../engine/greet.ts'
import type { Road } from '../engine/road.ts'
import { lockBundleLink, raiseNumber, setAllLost, setConfirmed, setHeard, setLost } from '../store/bundles.ts'
import { readEpoch, setLife } from '../store/links.ts'
import { type BundleGreeting, type BundleManifest } from './format.ts'
import { isPresent } from './model.ts'

/**
 * Hears what a peer says in a bundle, if it speaks of the present: its marks, as over https, and which of our bundles it has. What it lacks goes again with the
 * next one. A peer that has seen more bundles than we remember having made tells us that *we* came back from a backup: we begin another life.
 * Answers whether it was heard.
 */
export async function hearBundle(road: Road, { from, life, number, created }: BundleManifest, told: BundleGreeting): Promise<boolean> {
  return road.node.transaction(service('road'), async (tx) => {
    const known = await lockBundleLink(tx, from)
    const bundle = { life, number, created: new Date(created) }
    if (!isPresent({ life: known.heardLife, number: known.heardNumber, created: known.heardCreated }, bundle)) return false
    const now = road.node.now()
    const isRestored = await hearGreeting(tx, road, from, told, 'bundle')
    const { imported } = told
    const own = lifeOf(road.epoch)
    if (imported !== null && imported.life === own) {
      await setConfirmed(tx, from, own, imported.done, now)
      const lost = await setLost(tx, from, own, imported.from, imported.highest, imported.done, now)
      if (lost.length > 0) await record(tx, road.node, { act: 'road.bundleMissed', actor: { kind: 'node', id: from }, object: from, outcome: 'done', detail: { numbers: lost.join(' ').slice(0, 400), highest: imported.highest } })
      if (imported.highest > known.lastNumber) {
        await setLife(tx, randomUUID())
        road.epoch = (await readEpoch(tx)) ?? road.epoch
        await raiseNumber(tx, from, imported.highest)
        await record(tx, road.node, { act: 'road.ownRestore', actor: { kind: 'node', id: from }, object: from, outcome: 'done', detail: { remembered: known.lastNumber, seen: imported.highest } })
      }
    }
    if (isRestored) await setAllLost(tx, from, now)
    await setHeard(tx, from, bundle)
    return true
  })
}
