import { defineConfig } from 'vitest/config';

/**
 * Real browsers against a real server, one file after the other: they measure time, and share two cores. A step may take 30 s, which is Playwright's
 * own limit, and a test has several: on a busy machine the step that failed says why, not the test's end.
 */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['*.test.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
