/** Rules about the source itself. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../src', import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const text = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));

describe('the source', () => {
  it('has no circular imports, types included', () => {
    const imports = new Map(
      [...text].map(([file, source]) => [
        file,
        [...source.matchAll(/from '(\.[^']+)\.js'/g)].map((found) => `${relative(root, join(root, dirname(file), found[1] ?? ''))}.ts`),
      ]),
    );
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) throw new Error(`imports go in a circle: ${[...path.slice(path.indexOf(file)), file].join(' → ')}`);
      if (done.has(file)) return;
      for (const next of imports.get(file) ?? [`${file} does not exist`]) visit(next, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(done.size).toBeGreaterThanOrEqual(files.length);
  });

  it('has files of at most 500 lines, each saying what it is for', () => {
    for (const [file, source] of text) {
      expect(source.split('\n').length, file).toBeLessThanOrEqual(500);
      if (!file.startsWith('generated')) expect(source.startsWith('/**'), `${file} begins with what it is for`).toBe(true);
    }
  });

  it('uses no `any` and leaves nothing to be done later', () => {
    for (const [file, source] of text) {
      expect(/\bany\b(?=[>\])},;])|as any|: any\b/.test(source.replace(/\/\*[^]*?\*\/|\/\/.*/g, '')), file).toBe(false);
      expect(/TODO|FIXME|console\./.test(source), file).toBe(false);
    }
  });
});
