import { defineConfig } from 'vitest/config';

/** Each stack takes a second or two to make, and longer on a machine that is busy: none of the tests waits for anything. */
export default defineConfig({
  test: { include: ['test/**/*.test.ts'], pool: 'threads', maxWorkers: 1, isolate: false, testTimeout: 60_000, hookTimeout: 60_000 },
});
