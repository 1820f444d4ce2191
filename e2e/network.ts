import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildDesk } from '@postroad/desk/build'
import { type Network, startNetwork, stopNetwork } from '@postroad/bin/demo/network-up'
import { firstKeySecret, firstSignIns, personOf } from '@postroad/bin/demo/people'
import { type DemoState, loadState, prepareDemoHome } from '@postroad/bin/demo/state'

/** What somebody of the demo network is handed for the first sign-in, and where their desk is. */
export type Newcomer = { readonly account: string; readonly name: string; readonly code: string; readonly secret: string; readonly desk: string }
/** The demo's nodes without a desk, for tests that come through terminals and commands. */
export type RunningNodes = { readonly folder: string; readonly home: string; readonly state: DemoState; readonly network: Network; stop(): Promise<void> }
export type RunningNetwork = RunningNodes & { newcomer(person: string): Newcomer }

/** The demo's four nodes as real processes with real databases, in a home of their own, fresh each time. */
export async function startNodes(): Promise<RunningNodes> {
  const folder = mkdtempSync(join(tmpdir(), 'postroad-e2e-'))
  chmodSync(folder, 0o711) // PostgreSQL runs as nobody when the tests run as root
  const home = join(folder, 'home')
  prepareDemoHome(home)
  const state = loadState(home)
  const network = startNetwork(home, state, () => undefined)
  const stop = async () => {
    await stopNetwork(network)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await network.ready
  } catch (thrown) {
    await stop()
    throw thrown
  }
  return { folder, home, state, network, stop }
}

/** The same with the desk built, for people in a browser. */
export async function startFreshNetwork(): Promise<RunningNetwork> {
  await buildDesk()
  const nodes = await startNodes()
  const { home, state } = nodes
  return {
    ...nodes,
    newcomer: (id) => {
      const person = personOf(id)
      const first = firstSignIns(home, person.node).find((each) => each.person === id)
      if (first === undefined) throw new Error(`no first sign-in for ${id}`)
      return { account: first.account, name: person.name, code: first.code, secret: firstKeySecret(home, person) ?? '', desk: `http://localhost:${state.ports[person.node]?.desk ?? 0}` }
    },
  }
}
