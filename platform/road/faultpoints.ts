/**
 * Every step at which a kill -9 must lose nothing and double nothing. `POSTROAD_FAULT=name:n` kills this process at the n-th passing of the point;
 * the test of several processes (testing/kill.test.ts) goes through them all.
 */
export const FAULT_POINTS = [
  'submit.beforeCommit',
  'submit.beforeAnswer',
  'offer.beforeSend',
  'offer.afterAnswer',
  'custody.beforeCommit',
  'custody.beforeReceipt',
  'custody.beforeAnswer',
  'handedOn.beforeCommit',
  'handedOn.afterCommit',
  'seal.beforeCommit',
  'relay.beforeSend',
  'relay.afterAnswer',
  'receipts.beforeCommit',
  'receipts.beforeAnswer',
  'act.beforeCommit',
  'act.beforeAnswer',
] as const
/** Steps of a bundle's way out and in (bundle/bundle-kill.test.ts). */
export const BUNDLE_FAULT_POINTS = ['bundle.volumesWritten', 'bundle.filesWritten', 'bundle.partTaken', 'bundle.answerKept', 'bundle.greetingHeard', 'bundle.beforeDone'] as const
export type FaultPoint = (typeof FAULT_POINTS)[number] | (typeof BUNDLE_FAULT_POINTS)[number]

type Fault = { readonly point: string; left: number }
const [given, count] = (process.env['POSTROAD_FAULT'] ?? '').split(':')
let fault: Fault | null = given === undefined || given === '' ? null : { point: given, left: Number(count ?? 1) }

/** Passes, unless this process is to die here. */
export function faultpoint(point: FaultPoint): void {
  if (fault === null || fault.point !== point) return
  fault.left -= 1
  if (fault.left === 0) process.kill(process.pid, 'SIGKILL')
}

/** Chooses the point while running, or none, as a test's own station does. */
export function armFault(point: FaultPoint | null, passings: number): void {
  fault = point === null ? null : { point, left: passings }
}
