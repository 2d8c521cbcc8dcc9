import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { converged, drag, leave, newProject, objectsOf, saved } from './browser';
import { stage } from './stage';

const here = stage();

const shows = (page: Page, label: RegExp): Promise<unknown> =>
  page.waitForFunction((source) => new RegExp(source).test(document.querySelector('.status .label')?.textContent ?? ''), label.source);

const moveFirst = (page: Page, x: number): Promise<void> =>
  page.evaluate((to) => {
    const canvas = window.__board?.canvas;
    const first = canvas?.ordered()[0];
    if (canvas && first) canvas.batch((tx) => tx.update(first.id, { x: to }));
  }, x);

async function drawRect(page: Page, x: number, y: number): Promise<void> {
  await page.keyboard.press('r');
  await drag(page, [x, y], [x + 80, y + 60]);
}

const typesAt = async (page: Page): Promise<unknown[]> => (await objectsOf(page)).map(({ type }) => type).sort();

describe('a tab whose connection is cut', () => {
  it('keeps what is drawn offline and joins it to the others', async () => {
    const [a, b] = await here.two();
    await drawRect(a, 300, 200);
    await converged(a, b);
    await a.evaluate(() => window.__board?.canvas.disconnect());
    await shows(a, /^Offline/);
    await drawRect(a, 500, 200);
    await a.keyboard.press('n');
    await a.mouse.click(800, 500);
    await a.keyboard.type('offline');
    await a.keyboard.press('Escape');
    await shows(a, /^Offline · \d+ unsent$/);
    await b.keyboard.press('o');
    await drag(b, [300, 500], [420, 620]);
    await moveFirst(b, -50);
    await saved(b);
    expect(await typesAt(b)).toEqual(['ellipse', 'rect']);
    await a.click('.status');
    await shows(a, /^Saved$/);
    await b.waitForFunction(() => window.__board?.canvas.objects.size === 4);
    await converged(a, b);
    expect(await typesAt(a)).toEqual(['ellipse', 'note', 'rect', 'rect']);
    await leave(a, b);
  });

  it('survives the network going away under it', async () => {
    const [a, b] = await here.two();
    await drawRect(a, 300, 200);
    await converged(a, b);
    await a.context().setOffline(true);
    await shows(a, /^(Offline|Reconnecting)/);
    await drawRect(a, 500, 200);
    await drawRect(b, 300, 500);
    await a.context().setOffline(false);
    await shows(a, /^Saved$/);
    await b.waitForFunction(() => window.__board?.canvas.objects.size === 3);
    await converged(a, b);
    await leave(a, b);
  });

  it('survives kill -9 of the server: equal objects, nothing lost, nothing twice', async () => {
    const project = newProject();
    const [a, b] = await here.two(project);
    await drawRect(a, 300, 200);
    await drawRect(b, 500, 200);
    await converged(a, b);
    await here.server.crash();
    await Promise.all([shows(a, /^(Offline|Reconnecting)/), shows(b, /^(Offline|Reconnecting)/)]);
    await drawRect(a, 300, 400);
    await drawRect(b, 500, 400);
    await b.keyboard.press('o');
    await drag(b, [700, 200], [820, 300]);
    await moveFirst(a, -100);
    await moveFirst(b, -200);
    await here.server.run();
    await Promise.all([shows(a, /^Saved$/), shows(b, /^Saved$/)]);
    await a.waitForFunction(() => window.__board?.canvas.objects.size === 5);
    const after = await converged(a, b);
    expect(await typesAt(a)).toEqual(['ellipse', 'rect', 'rect', 'rect', 'rect']);
    const late = await here.visit(project);
    expect(await converged(a, b, late)).toBe(after);
    await leave(a, b, late);
  });
});
