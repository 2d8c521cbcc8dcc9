/** Every piece of code in README.md compiles. `live/readme.live.ts` runs the quick start. */
import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { blocks } from './readme.js';

/** Inside the package, so that its dependencies are found; not in the repository. */
const folder = fileURLToPath(new URL('dist/readme', import.meta.url));
const root = fileURLToPath(new URL('..', import.meta.url));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a snippet may take for granted. */
const SURROUNDINGS = `
import type { Canvas } from '@collabcanvas/sdk';
declare global {
  const canvas: Canvas;
  function show(...what: unknown[]): void;
  function download(name: string, text: string): void;
}
`;

const config = {
  extends: join(root, '../tsconfig.base.json'),
  compilerOptions: {
    lib: ['ES2022', 'DOM', 'DOM.Iterable'],
    types: [],
    noEmit: true,
    jsx: 'react-jsx',
    noUnusedLocals: false,
    paths: {
      '@collabcanvas/sdk': [join(root, 'src/index.ts')],
      '@collabcanvas/sdk/*': [join(root, 'src/*/index.ts')],
    },
  },
  include: ['*'],
};

describe('the README', () => {
  it('has a quick start for the SDK and one for React', () => {
    expect(blocks().filter(({ isQuickStart }) => isQuickStart).map(({ language }) => language)).toEqual(['ts', 'tsx']);
  });

  it('has only code that compiles', async () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    writeFileSync(join(folder, 'surroundings.d.ts'), SURROUNDINGS);
    for (const [i, { language, code }] of blocks().entries()) writeFileSync(join(folder, `block-${i + 1}.${language}`), `${code}export {};\n`);
    const compiler = join(root, '../node_modules/.bin/tsc');
    const failed = await promisify(execFile)(compiler, ['-p', folder, '--pretty', 'false'], { cwd: folder }).then(() => '', ({ stdout }: { stdout: string }) => stdout);
    expect(failed).toBe('');
  }, 60_000);
});
