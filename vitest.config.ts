import { tmpdir } from 'node:os'
import { defineConfig } from 'vitest/config'
import { CountReporter } from './bin/count-reporter.ts'

/** Unit and several-node tests side by side on one PostgreSQL; whole journeys in a browser one after the other, when those are done. */
export default defineConfig({
  test: {
    environment: 'node',
    reporters: [process.stdout.isTTY ? 'default' : 'dot', new CountReporter()],
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{libraries,platform,applications,desk,bench,bin}/**/*.test.{ts,tsx}'],
          exclude: ['**/node_modules/**', '**/dist/**'],
          globalSetup: ['platform/kernel/testing-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        // homes of whole nodes: their sockets' paths must stay short
        test: { name: 'journeys', env: { TMPDIR: tmpdir() }, include: ['e2e/**/*.test.ts'], fileParallelism: false, testTimeout: 300_000, hookTimeout: 300_000, sequence: { groupOrder: 1 } },
      },
    ],
  },
})
