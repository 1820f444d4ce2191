import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Client, createClient, createClientKey, createTerminal, enrol, type Session, signIn, type Terminal } from '@postroad/documents/terminal'
import { base64url, fromBase64url, type SuiteId } from '@postroad/gm'
import { suites } from '@postroad/gm/node'
import { type DemoOrgan, type DemoPerson, NETWORK } from './network.ts'
import { type DemoState, saveState } from './state.ts'

/** A person of the demo, where they work, and on which node. */
export type Placed = DemoPerson & { readonly organ: DemoOrgan; readonly node: string }

export const PEOPLE: readonly Placed[] = NETWORK.flatMap((node) => node.organs.flatMap((organ) => organ.people.map((person) => ({ ...person, organ, node: node.id }))))

export function personOf(id: string): Placed {
  const found = PEOPLE.find((person) => person.id === id)
  if (found === undefined) throw new Error(`the demo knows nobody called ${id}`)
  return found
}

export const nodeHomeOf = (home: string, node: string): string => join(home, 'nodes', node)

type FirstSignIn = { readonly person: string; readonly account: string; readonly code: string }

/** What a node wrote down at its first start for its people, for whoever runs the demo. */
export function firstSignIns(home: string, node: string): readonly FirstSignIn[] {
  return JSON.parse(readFileSync(join(nodeHomeOf(home, node), 'first-sign-in.json'), 'utf8')) as FirstSignIn[]
}

/** The key secret (密钥口令) made for a person at first start; null for one who holds no keys. */
export function firstKeySecret(home: string, person: Placed): string | null {
  try {
    const text = readFileSync(join(nodeHomeOf(home, person.node), 'first-sign-in', 'keys', `${person.id}-${person.organ.id}.json`), 'utf8')
    return (JSON.parse(text) as { secret: string }).secret
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw thrown
  }
}

/** Signs a person in at their node; the first time it enrols with the one-time code. */
export async function openSession(home: string, state: DemoState, id: string): Promise<{ readonly client: Client; readonly session: Session; readonly keySecret: string }> {
  const person = personOf(id)
  const client = createClient({ base: `http://localhost:${state.ports[person.node]?.desk ?? 0}` })
  const { account, credential, isNew, code } = credentialOf(home, state, person)
  const privateKey = fromBase64url(credential.clientKey)
  const key = createClientKey(suites.P256, { privateKey, publicKey: suites.P256.publicKeyOf(privateKey) })
  if (isNew) {
    // Kept before it is used: a lost answer must not lock the person out.
    saveState(home, state)
    await enrol(client, { account, code, password: credential.password, key })
    state.credentials[id] = { ...credential, enrolled: true }
    saveState(home, state)
  }
  return { client, session: await signIn(client, { account, password: credential.password, key }), keySecret: credential.keySecret }
}

/** A person's terminal with the organ's keys open. `suite`: of what it sends. */
export async function openTerminal(home: string, state: DemoState, id: string, suite: SuiteId = 'SM'): Promise<Terminal> {
  const { client, session, keySecret } = await openSession(home, state, id)
  const terminal = createTerminal({ client, suites, suite, actor: () => ({ person: session.person.id, name: session.person.name, post: session.acting.id, organ: session.acting.organ }) })
  await terminal.keys.open(keySecret)
  return terminal
}

function credentialOf(home: string, state: DemoState, person: Placed): { account: string; credential: DemoState['credentials'][string]; isNew: boolean; code: string } {
  const first = firstSignIns(home, person.node).find((each) => each.person === person.id)
  if (first === undefined) throw new Error(`no first sign-in was made for ${person.id}`)
  const known = state.credentials[person.id]
  if (known?.enrolled === true) return { account: first.account, credential: known, isNew: false, code: '' }
  const credential = known ?? {
    password: randomBytes(18).toString('base64url'),
    clientKey: base64url(suites.P256.generateKeyPair().privateKey),
    keySecret: firstKeySecret(home, person) ?? '',
    enrolled: false,
  }
  state.credentials[person.id] = credential
  return { account: first.account, credential, isNew: true, code: first.code }
}
