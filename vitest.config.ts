import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/postgres-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // A worker keeps what it has loaded: loading it anew for each file took a fifth of the suite's time.
    isolate: false,
    // Every core has a worker; vitest would leave one free.
    maxWorkers: Math.max(2, availableParallelism()),
    reporters: ['default', './test/support/count-reporter.ts'],
  },
});
