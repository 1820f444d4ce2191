import { base64url } from '@postroad/gm'
import { Refusal } from '@postroad/kernel/errors'
import type { Node } from '@postroad/kernel/node'
import { anchorFingerprint } from '@postroad/waybill'
import { distributeCertificates } from './certificates.ts'
import { joinParent } from './join.ts'
import type { Bootstrap } from './model.ts'
import { type JoinProgress, directoryRoom } from './room.ts'

const PAUSE_MS = 2000
const LONGEST_PAUSE_MS = 30_000
/** Somebody at the parent's desk may press the button at any time: it is asked often, and costs little. */
const PENDING_PAUSE_MS = 5000
/** A new code is needed: asking again with the old one would only fill the parent's ledger. */
const FINAL: ReadonlySet<string> = new Set(['codeWithdrawn', 'codeExpired', 'codeUsed', 'codeTaken', 'joinRefused', 'joinedAlready', 'otherPlace'].map((name) => `directory.${name}`))

/** How this node's joining goes; null for the root, and for a node that joined before it was last started. */
export const joinProgress = (node: Node): JoinProgress | null => node.slots.get(directoryRoom).joining

/** The fingerprint of this node's own keys, as its parent's desk shows it. */
export function ownFingerprint(node: Node): string {
  const { suites, keys } = node.slots.get(directoryRoom)
  return anchorFingerprint(suites, node.config.node, [keys.SM, keys.P256].map(({ id, suite, keyPair }) => ({ id, suite, publicKey: base64url(keyPair.publicKey) })))
}

/** Asks the parent until this node has joined or is told why not; a machine that was switched off meanwhile goes on where it was. */
export async function joinUntilDone(node: Node, bootstrap: Bootstrap | null, signal: AbortSignal): Promise<void> {
  const room = node.slots.get(directoryRoom)
  const parent = bootstrap?.parent ?? null
  if (parent === null) return void node.log.error('directory: this node has not joined its tree and knows no parent; start it with its first-start settings')
  const fingerprint = ownFingerprint(node)
  const tell = (state: JoinProgress['state'], fault: Refusal | null = null): void => void (room.joining = { state, parent: parent.node, fingerprint, fault })
  tell('asking')
  for (let pause = PAUSE_MS; !signal.aborted; ) {
    if (!node.processes.isEldest('jobs')) {
      await pauseFor(PAUSE_MS, signal) // one process of the node asks for all
      continue
    }
    if (room.secrets.anchor !== null) return tell('joined') // the process that was at it before has done it
    try {
      if ((await joinParent(node, parent)) === 'joined') {
        await distributeCertificates(node)
        tell('joined')
        return node.log.info({ parent: parent.node }, 'directory: joined')
      }
      if (room.joining?.state !== 'pending') node.log.info({ parent: parent.node }, 'directory: waits for approval')
      tell('pending')
      pause = PENDING_PAUSE_MS
    } catch (error) {
      if (!(error instanceof Refusal)) node.log.error({ err: error, parent: parent.node }, 'directory: joining failed')
      else {
        node.log.warn({ parent: parent.node, code: error.code, detail: error.detail }, 'directory: not joined yet')
        tell(FINAL.has(error.code) ? 'stopped' : 'asking', error)
        if (FINAL.has(error.code)) return
      }
      pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS)
    }
    await pauseFor(pause, signal)
  }
}

const pauseFor = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })
