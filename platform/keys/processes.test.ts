import { createLog } from '@postroad/kernel/log'
import { startNode } from '@postroad/kernel/start'
import { personOf, testNode, until } from '@postroad/kernel/testing'
import { suites } from '@postroad/gm/node'
import { ledger } from '@postroad/ledger/plugin'
import { expect, it } from 'vitest'
import { openChannel } from './channel.ts'
import { keys } from './plugin.ts'
import { createOrganKeys, keyProcess, processKeys, relay } from './service.ts'
import { firstSecret, receiptOf } from './testing.ts'

const wang = personOf('wang', ['office'])
const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

it('what a person opened through one process of the node serves acts through another, and outlives the one that started the key process', async () => {
  const one = await testNode([ledger, keys])
  const two = await startNode(one.node.config, [ledger, keys], { listen: false, jobs: false, log: createLog('test', 'silent') })
  const pid = keyProcess(one.node).pid() ?? expect.fail()
  expect(keyProcess(two.node).pid()).toBe(pid)
  await createOrganKeys(one.node, 'office', [{ person: 'wang' }])
  let through = one.node
  const channel = await openChannel(suites, 'SM', new Uint8Array(Buffer.from((await processKeys(two.node)).SM.publicKey, 'base64url')), (frame) => relay(through, wang, frame))
  await channel.open('wang', 'office', await firstSecret(one.home, 'wang', 'office'))
  through = two.node
  expect(await channel.signReceipts('office', 'SM', [receiptOf('office', 'wang')])).toHaveLength(1)
  await keyProcess(one.node).stop() // as if the process that started it had died: only its connection is gone
  expect(await channel.status()).toHaveLength(1)
  expect(isAlive(pid)).toBe(true)
  await two.stop()
  await until(() => !isAlive(pid)) // nobody is left to serve
  await one.stop()
})
