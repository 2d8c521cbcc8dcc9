import { defineConfig } from 'vitest/config';

/** One cluster in containers for all tests, which are in order: a file. Images may have to be fetched first. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 900_000,
  },
});
