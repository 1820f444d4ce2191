/** One road process's share of the queue: four transactions at a time, as its two lanes and their answers keep. Arguments: database URL, seconds. */
import { connect, transaction } from '@postroad/kernel/database'
import { service } from '@postroad/kernel/principal'
import { claimShipments, findMessages, markHandedOn } from '@postroad/road/queue'

const [url = '', seconds = '1'] = process.argv.slice(2)
const AT_ONCE = 4
const LIMIT = 128
const database = connect(url, AT_ONCE)
const owner = `bench:${process.pid}`

async function batch(): Promise<number> {
  const now = new Date()
  const claimed = await transaction(database, service('road'), async (tx) => {
    const rows = await claimShipments(tx, { link: 'next', lane: 'small', owner, now, limit: LIMIT })
    await findMessages(tx, rows.map(({ message }) => message))
    return rows
  })
  await transaction(database, service('road'), (tx) => markHandedOn(tx, claimed.map(({ id, fence }) => ({ shipment: id, fence, mark: 1 })), now))
  return claimed.length
}

await batch()
process.send?.({ ready: true })
process.once('message', () => void work())

async function work(): Promise<void> {
  let done = 0
  const end = performance.now() + Number(seconds) * 1000
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (performance.now() < end) {
      const count = await batch()
      if (count === 0) throw new Error('the queue ran empty: fill it with more')
      done += count
    }
  }))
  await database.close()
  process.send?.({ done }, () => process.disconnect())
}
