/** The quick start of README.md, run as it stands there against a real server. */
import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { transformWithOxc } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blocks } from '../readme.js';
import { LiveServer } from './server.js';

const PROJECT = 'quick-start';
const ADDRESS = `ws://127.0.0.1:8080/v1/projects/${PROJECT}/ws`;
/** Inside the package, which then finds itself by its name; not in the repository. */
const folder = fileURLToPath(new URL('../dist/quick-start', import.meta.url));
const server = new LiveServer();
beforeAll(() => server.start());
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await server.dispose();
});

describe('the quick start of the README', () => {
  it('connects, creates, updates, listens, undoes, and shows its presence', async () => {
    const observer = server.open(PROJECT);
    const seen: unknown[] = [];
    observer.on('presence', () => seen.push(...[...observer.presence.others.values()].map(({ presence }) => presence)));
    await expect.poll(() => observer.status.synced).toBe(true);
    const [{ code } = { code: '' }] = blocks().filter(({ isQuickStart, language }) => isQuickStart && language === 'ts');
    // Only the server is another one.
    expect(code.split(ADDRESS)).toHaveLength(2);
    const { code: program } = await transformWithOxc(code.replace(ADDRESS, server.url(PROJECT)), 'quick-start.ts');
    mkdirSync(folder, { recursive: true });
    const file = join(folder, 'quick-start.mjs');
    writeFileSync(file, program);
    const { stdout, stderr } = await promisify(execFile)('node', ['--import', new URL('websocket.mjs', import.meta.url).href, file]);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/local \[ '\S+ at 10' \]\n[^]*local \[ '\S+ at 50' \]\n[^]*after undo: 10\n/);
    await expect.poll(() => observer.ordered().map(({ props }) => props)).toEqual([{ type: 'rect', x: 10, y: 20, w: 120, h: 80, z: 'a0' }]);
    expect(seen).toContainEqual({ name: 'Ana', color: '#e33', cursor: [100, 50] });
  });
});
