import type { Reporter, SerializedError, TestModule, TestRunEndReason } from 'vitest/node'

/** Ends a test run with one plain line, `N passed, N failed`, and fails it when a test was skipped or left to do. */
export class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[], reason: TestRunEndReason): void {
    const count = { passed: 0, failed: 0, skipped: 0 }
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        count[state === 'pending' ? 'skipped' : state] += 1
      }
      if (module.state() === 'failed' && [...module.children.allTests('failed')].length === 0) count.failed += 1 // the file itself did not load
    }
    count.failed += unhandled.length
    if (count.skipped > 0 || reason !== 'passed') process.exitCode = 1
    // after the summary that another reporter prints in the same moment
    setImmediate(() => process.stdout.write(`\n${count.passed} passed, ${count.failed} failed${count.skipped > 0 ? `, ${count.skipped} skipped` : ''}\n`))
  }
}
