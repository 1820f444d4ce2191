/** What this machine could do at best, measured in the same run as what it did. */
import { rmSync } from 'node:fs'
import type { Suite, SuiteId } from '@postroad/gm'
import { suites } from '@postroad/gm/node'
import { connect } from '@postroad/kernel/database'
import { startPostgres } from '@postroad/kernel/postgres'
import { temporaryHome } from './folder.ts'

const SECONDS = 3

/** Single-row commits per second, eight connections, fsync on, on the embedded server. */
export async function durableCommits(): Promise<number> {
  const home = temporaryHome('commits')
  const server = await startPostgres(home)
  const database = connect(server.migratorUrl, 8)
  try {
    await database.pool.query('create schema bench')
    await database.pool.query('create table bench.row (id bigint generated always as identity, payload bytea not null)')
    const payload = Buffer.alloc(500, 1)
    let commits = 0
    const end = Date.now() + SECONDS * 1000
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (; Date.now() < end; commits++) await database.pool.query('insert into bench.row (payload) values ($1)', [payload])
      }),
    )
    return commits / SECONDS
  } finally {
    await database.close()
    await server.stop()
    rmSync(home, { recursive: true, force: true })
  }
}

/**
 * Deliveries per second if there were nothing but the private- and public-key operations one delivery over two hops cannot do without, on all cores:
 * the organ's signature and its verification, one wrap per recipient and for the sender, one unwrap, the recipient's receipt and its verification at both ends.
 * What nodes sign is batched and left out. Hashing and sealing 10 kB twice is in.
 */
export function deliveriesByCrypto(id: SuiteId, cores: number): number {
  const suite: Suite = suites[id]
  const pair = suite.generateKeyPair()
  const key = crypto.getRandomValues(new Uint8Array(32))
  const body = crypto.getRandomValues(new Uint8Array(10_000))
  let done = 0
  const begun = performance.now()
  for (; performance.now() - begun < SECONDS * 1000; done++) {
    const signature = suite.sign(pair, body)
    const receipt = suite.sign(pair, key)
    const wraps = [suite.wrap(pair.publicKey, key), suite.wrap(pair.publicKey, key)]
    const sealed = suite.seal(key, new Uint8Array(12), body, key)
    suite.hash(sealed)
    suite.unwrap(pair, wraps[0] as Uint8Array)
    suite.open(key, new Uint8Array(12), sealed, key)
    suite.verify(pair.publicKey, body, signature)
    suite.verify(pair.publicKey, key, receipt)
    suite.verify(pair.publicKey, key, receipt)
  }
  return (done / SECONDS) * cores
}
