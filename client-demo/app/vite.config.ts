import { defineConfig } from 'vitest/config';

/** `npm run dev` serves the page itself and passes the API on to a running server. */
const server = process.env['COLLAB_URL'] ?? 'http://127.0.0.1:8080';

export default defineConfig({
  base: './',
  build: { target: 'es2022', sourcemap: false, modulePreload: { polyfill: false } },
  server: {
    proxy: {
      // The server accepts only its own origin, so the proxy rewrites the page's.
      '/v1': { target: server, ws: true, changeOrigin: true, rewriteWsOrigin: true },
    },
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
