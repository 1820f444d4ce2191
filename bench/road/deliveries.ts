/** Documents from one organ's terminal to another's over two hops: 省 → 市 → 县, each node with its own process and PostgreSQL, on this machine. */
import { type ChildProcess, fork } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startNetwork, stopNetwork } from '@postroad/bin/demo/network-up'
import { openTerminal } from '@postroad/bin/demo/people'
import { deleteDemoHome, loadState, prepareDemoHome, saveState } from '@postroad/bin/demo/state'
import type { Draft, Terminal } from '@postroad/documents/terminal'
import type { SuiteId } from '@postroad/gm'
import { percentile } from '../figure.ts'
import { cpuOf } from './cpu.ts'
import { temporaryHome } from './folder.ts'

const SENDER = 'jy-chenyuan'
const RECIPIENT = 'wc-linzhou'

/** `nodes`: the nodes' processes, to which their key processes and PostgreSQL belong. */
export type Bench = { readonly home: string; sender(suite: SuiteId): Promise<Terminal>; readonly arrivals: Map<string, number>; readonly nodes: readonly number[]; stop(): Promise<void> }
/** `nodeCpu`: milliseconds that a delivery cost the nodes, their key processes and PostgreSQL together; null where it cannot be told. */
export type Load = { readonly perSecond: number; readonly p50: number; readonly p95: number; readonly count: number; readonly nodeCpu: number | null }

/** A fresh network with a recipient at work. */
export async function startBench(): Promise<Bench> {
  const home = temporaryHome('bench')
  prepareDemoHome(home)
  const state = loadState(home)
  const network = startNetwork(home, state, () => undefined)
  await network.ready
  await (await openTerminal(home, state, RECIPIENT)).keys.close()
  await (await openTerminal(home, state, SENDER)).keys.close()
  saveState(home, state)
  const arrivals = new Map<string, number>()
  const recipient = await startRecipient(home, arrivals)
  return {
    home,
    sender: (suite) => openTerminal(home, state, SENDER, suite),
    arrivals,
    nodes: network.nodes.map(({ pid }) => pid),
    stop: async () => {
      recipient.disconnect()
      await stopNetwork(network)
      deleteDemoHome(home)
      rmSync(home, { recursive: true, force: true })
    },
  }
}

function startRecipient(home: string, arrivals: Map<string, number>): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, 'recipient.ts'), [home, RECIPIENT])
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the recipient ended with ${code}`)))
    child.on('message', (message: { ready?: true; opened?: string; at?: number }) => {
      if (message.ready) resolve(child)
      else if (message.opened !== undefined && message.at !== undefined) arrivals.set(message.opened, message.at)
    })
  })
}

/** As many as go through with `concurrency` in flight: from the first dispatch to the last verified opening. */
export async function throughput(bench: Bench, sender: Terminal, sizes: readonly number[], concurrency: number): Promise<Load> {
  return run(bench, sender, sizes, concurrency, () => 0)
}

/** An open load: document i is due at i / rate, whether or not those before it are through. */
export async function atRate(bench: Bench, sender: Terminal, sizes: readonly number[], rate: number, urgency: Draft['urgency'] = 'normal'): Promise<Load> {
  return run(bench, sender, sizes, 64, (index) => (index * 1000) / rate, urgency)
}

async function run(bench: Bench, sender: Terminal, sizes: readonly number[], concurrency: number, due: (index: number) => number, urgency: Draft['urgency'] = 'normal'): Promise<Load> {
  const begun = Date.now()
  const cpuBefore = cpuOf(bench.nodes)
  const sent = new Map<string, number>()
  let next = 0
  const worker = async () => {
    for (let index = next++; index < sizes.length; index = next++) {
      const dueAt = begun + due(index)
      await sleep(Math.max(0, dueAt - Date.now()))
      const started = due(index) === 0 ? Date.now() : dueAt
      sent.set((await sender.dispatch({ ...draftOf(sizes[index] ?? 0), urgency })).message, started)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  while ([...sent.keys()].some((message) => !bench.arrivals.has(message))) await sleep(20)
  const ended = Math.max(...[...sent.keys()].map((message) => bench.arrivals.get(message) ?? 0))
  const latencies = [...sent].map(([message, at]) => (bench.arrivals.get(message) ?? 0) - at)
  return { perSecond: (sizes.length * 1000) / (ended - begun), p50: percentile(latencies, 0.5), p95: percentile(latencies, 0.95), count: sizes.length, nodeCpu: cpuSince(cpuBefore, bench.nodes, sizes.length) }
}

function cpuSince(before: number | null, nodes: readonly number[], count: number): number | null {
  const after = cpuOf(nodes)
  return before === null || after === null ? null : (after - before) / count
}

/** Half text, half noise: compresses as office files do. */
function draftOf(bytes: number): Draft {
  const content = new Uint8Array(bytes)
  for (let at = 0; at < bytes / 2; at += 65_536) crypto.getRandomValues(content.subarray(at, Math.min(at + 65_536, Math.ceil(bytes / 2))))
  const blob = new Blob([content])
  return {
    clientId: crypto.randomUUID(), name: 'jiangyuan.party.committee', title: '中共江源省委关于量测传输速度的通知', number: '江委〔2026〕99号', printedTo: '中共望川县委', printedCc: '',
    recipients: [{ organ: 'wangchuan.party', name: 'wangchuan.party.committee', role: 'to' }],
    urgency: 'normal', label: 0, files: [{ name: '正文.bin', mediaType: 'application/octet-stream', bytes, stream: () => blob.stream() as ReadableStream<Uint8Array> }],
  }
}
