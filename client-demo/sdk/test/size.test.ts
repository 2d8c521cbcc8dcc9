/** What the SDK weighs in a browser: each entry bundled and minified with all that it brings, compressed as it travels. */
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { describe, expect, it } from 'vitest';

/** A page should not have to think about whether it can afford the SDK. */
const MOST_BYTES = 20 * 1024;
const CORE = 'index.ts';
const ENTRIES = ['react/index.ts', 'offline/index.ts', 'json/index.ts', 'order/index.ts', 'shared/index.ts', 'devtools/index.ts'];

const path = (file: string): string => fileURLToPath(new URL(`../src/${file}`, import.meta.url));

/** Bytes of one module that exports everything of these files, after gzip. */
async function weightOf(...files: readonly string[]): Promise<number> {
  const built = await build({
    configFile: false,
    logLevel: 'error',
    plugins: [{
      name: 'everything',
      resolveId: (id) => (id === 'everything' ? id : undefined),
      load: (id) => (id === 'everything' ? files.map((file) => `export * from ${JSON.stringify(path(file))};`).join('\n') : undefined),
    }],
    build: {
      write: false,
      target: 'es2022',
      modulePreload: false,
      rolldownOptions: { input: 'everything', external: ['react'], preserveEntrySignatures: 'strict' },
    },
  });
  const bundles = [built].flat().flatMap((one) => ('output' in one ? one.output : []));
  const code = bundles.map((part) => (part.type === 'chunk' ? part.code : '')).join('');
  return gzipSync(code, { level: 9 }).length;
}

describe('the bundle', () => {
  it(`of the core has at most ${MOST_BYTES.toLocaleString('en')} bytes after gzip`, async () => {
    const core = await weightOf(CORE);
    const lines = [`core: ${core} bytes`];
    for (const entry of ENTRIES) lines.push(`${entry.replace('/index.ts', '')}: ${(await weightOf(CORE, entry)) - core} bytes more`);
    const worker = await weightOf('shared/worker.ts');
    lines.push(`the worker of shared: ${worker} bytes`);
    process.stdout.write(`size after gzip: ${lines.join(', ')}\n`);
    expect(core).toBeLessThanOrEqual(MOST_BYTES);
    expect(core, 'a bundle that is empty').toBeGreaterThan(5_000);
    expect(worker, 'a worker that does nothing').toBeGreaterThan(1_000);
  }, 60_000);
});
