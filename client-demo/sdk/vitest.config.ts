import { defineConfig } from 'vitest/config';

/** The tests of rules against many random cases compute for seconds, and for many more on a machine that is slow or busy: none of them waits for anything. */
export default defineConfig({
  test: { include: ['test/**/*.test.ts'], pool: 'threads', maxWorkers: 1, isolate: false, testTimeout: 60_000 },
});
