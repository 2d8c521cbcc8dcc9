import { defineConfig } from 'vitest/config';

/** Real browsers against a real server, one file after the other: they measure time, and share two cores. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['*.test.ts'],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 30_000,
  },
});
