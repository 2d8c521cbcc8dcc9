/** The reference of the public API: complete, and as it was last written. `npm run api` writes it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ENTRIES, markdown, publicApi, undocumented } from '../scripts/api.js';

const path = (file: string): string => fileURLToPath(new URL(`../${file}`, import.meta.url));
const api = publicApi();

describe('the API reference', () => {
  it('has every entry of the package', () => {
    const { exports } = JSON.parse(readFileSync(path('package.json'), 'utf8')) as { exports: Record<string, { default?: string }> };
    const files = Object.values(exports).flatMap(({ default: file }) => (file === undefined ? [] : [file]));
    expect(ENTRIES.map(([, file]) => `./dist/${file.replace(/ts$/, 'js')}`)).toEqual(expect.arrayContaining(files));
    expect(files).toHaveLength(ENTRIES.length);
  });

  it('describes every public export and every public member', () => {
    expect(undocumented(api)).toEqual([]);
  });

  it('is current', () => {
    const text = markdown(api);
    if (process.env['API'] === 'write') writeFileSync(path('API.md'), text);
    expect(readFileSync(path('API.md'), 'utf8'), 'API.md is not current: npm run api').toBe(text);
  });
});
