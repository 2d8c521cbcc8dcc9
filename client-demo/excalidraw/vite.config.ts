import { defineConfig } from 'vitest/config';
import { fonts } from './build/fonts.ts';
import { slim } from './build/slim.ts';

/** `npm run dev` serves the page itself and passes the API on to a running server. */
const server = process.env['COLLAB_URL'] ?? 'http://127.0.0.1:8080';

export default defineConfig({
  base: './',
  plugins: [slim(), fonts()],
  build: {
    target: 'es2022',
    sourcemap: false,
    modulePreload: { polyfill: false },
    // A part of the demo's own files, so that the server builds both pages in. The whiteboard is built first: it empties its directory.
    outDir: '../app/dist/excalidraw',
    emptyOutDir: true,
    // The terms of everything that is in the bundle, for whoever passes the server on.
    license: { fileName: 'licenses.md' },
    chunkSizeWarningLimit: 2000,
    // The editor's own modules say "use client" and take their time.
    rolldownOptions: { checks: { moduleLevelDirective: false, pluginTimings: false } },
  },
  server: {
    proxy: {
      // The server accepts only its own origin, so the proxy rewrites the page's.
      '/v1': { target: server, ws: true, changeOrigin: true, rewriteWsOrigin: true },
    },
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
