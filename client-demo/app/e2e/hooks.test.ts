/** The SDK's hooks in a real React in a real browser: what a change renders anew. */
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { build, type Rollup } from 'vite';
import { beforeAll, expect, it } from 'vitest';
import { DESKTOP, leave, newProject, saved } from './browser';
import type * as Components from './hooks-page';
import { stage } from './stage';

declare global {
  interface Window {
    Hooks?: typeof Components;
  }
}

const OBJECTS = 1_000;

const here = stage();
let script: string;

beforeAll(async () => {
  script = await bundled();
});

/** The components and React, as a script. */
async function bundled(): Promise<string> {
  const entry = join(import.meta.dirname, 'hooks-page.ts');
  const built = (await build({
    configFile: false,
    logLevel: 'error',
    define: { 'process.env.NODE_ENV': '"production"' },
    build: { write: false, lib: { entry, formats: ['iife'], name: 'Hooks' } },
  })) as Rollup.RollupOutput[];
  const [file] = built[0]?.output ?? [];
  if (file === undefined) throw new Error('nothing was built');
  return file.code;
}

const rendered = (page: Page): Promise<Record<string, number>> => page.evaluate(() => window.Hooks?.takeRenders() ?? {});

it('a move of one of a thousand objects renders one of their components', async () => {
  const project = newProject();
  const other = await here.visit(project);
  await other.evaluate((n) => {
    const canvas = window.__board?.canvas;
    for (let first = 0; first < n; first += 250) {
      canvas?.batch((tx) => {
        for (let i = first; i < first + 250; i++) tx.create({ type: 'rect', x: i, y: 0, w: 50, h: 50 }, `o${i}`);
      });
    }
  }, OBJECTS);
  await saved(other);
  const page = await here.visit(project, { ...DESKTOP, bypassCSP: true });
  await page.addScriptTag({ content: script });
  await page.evaluate(() => window.__board && window.Hooks?.mount(window.__board.canvas));
  await page.waitForFunction((n) => document.querySelectorAll('[id^="shape-"]').length === n, OBJECTS);
  expect(Object.keys(await rendered(page))).toHaveLength(OBJECTS + 3);

  await other.evaluate(() => window.__board?.canvas.batch((tx) => tx.update('o500', { x: -7 })));
  await page.waitForFunction(() => document.querySelector('#shape-o500')?.textContent === '-7');
  expect(await rendered(page)).toEqual({ o500: 1, all: 1 });

  await other.evaluate(() => window.__board?.canvas.batch((tx) => tx.update('o7', { w: 200 })));
  await page.waitForFunction(() => document.querySelector('b')?.textContent === '1');
  expect(await rendered(page)).toEqual({ o7: 1, wide: 1, all: 1 });

  await other.evaluate(() => window.__board?.canvas.batch((tx) => tx.delete('o9')));
  await page.waitForFunction(() => document.querySelector('#shape-o9') === null);
  // The list has changed: React renders its children with it, the others' own state has not.
  expect((await rendered(page))['list']).toBe(1);
  await leave(page, other);
});
