/** A page that goes away, politely or not, and comes back: nothing that was drawn in it is lost. */
import type { BrowserContext, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { contents, converged, crash, DESKTOP, drag, leave, newProject, objectsOf, saved, synced } from './browser';
import { count } from './eyes';
import { stage } from './stage';

const here = stage();

const address = (project: string): string => `${here.server.url}/?project=${project}&test=1`;

/** A tab of a browser that has others. */
async function tab(context: BrowserContext, project: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(address(project));
  await page.waitForFunction(() => window.__board !== undefined);
  return page;
}

/** In a row. Two in one place would be a double click. */
async function drawRects(page: Page, count: number, y = 200): Promise<void> {
  for (let i = 0; i < count; i++) {
    await page.keyboard.press('r');
    await drag(page, [300 + i * 110, y], [380 + i * 110, y + 60], 3);
  }
}

/** All edits would outlive the page. */
const kept = (page: Page): Promise<unknown> => page.waitForFunction(() => window.__board?.canvas.isSafeToLeave);

/** Shows the board again, from what the browser keeps; it has chosen its view. */
const opened = (page: Page): Promise<unknown> => page.waitForFunction(() => performance.getEntriesByName('board:synced').length > 0);

/** Killed, and what is left of it cleared away. */
async function die(page: Page): Promise<void> {
  await crash(page);
  await page.close();
}

/** The page's own files are kept by its service worker. */
async function shellKept(page: Page): Promise<void> {
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await page.waitForFunction(async () => (await caches.match('./')) !== undefined);
}

describe('a tab that is gone', () => {
  it('killed with unsent edits: the next one sends them, once', async () => {
    const project = newProject();
    const context = await here.browser.newContext(DESKTOP);
    const first = await tab(context, project);
    await synced(first);
    await drawRects(first, 2);
    await saved(first);
    await first.evaluate(() => window.__board?.canvas.disconnect());
    await drawRects(first, 5, 350);
    await kept(first);
    const before = await contents(first);
    await die(first);
    const second = await tab(context, project);
    await count(second, 7);
    await saved(second);
    expect(await contents(second)).toBe(before);
    const other = await here.visit(project);
    expect(await converged(second, other)).toBe(before);
    expect(await objectsOf(other)).toHaveLength(7);
    await leave(second, other);
  });

  it('killed while its edits are on their way: each takes effect once', async () => {
    const project = newProject();
    const context = await here.browser.newContext(DESKTOP);
    const other = await here.visit(project);
    let page = await tab(context, project);
    let drawn = 0;
    for (let round = 0; round < 4; round++) {
      await synced(page);
      await page.evaluate((n) => {
        for (let i = 0; i < 20; i++) window.__board?.canvas.batch((tx) => void tx.create({ type: 'rect', x: i * 30, y: n * 90, w: 20, h: 60, stroke: '#2e6de0' }));
      }, round);
      drawn += 20;
      await kept(page);
      await die(page);
      page = await tab(context, project);
    }
    await saved(page);
    await count(other, drawn);
    await converged(page, other);
    expect(await objectsOf(other)).toHaveLength(drawn);
    await leave(page, other);
  });

  it('two of one browser, both killed offline: a third brings the work of both', async () => {
    const project = newProject();
    const context = await here.browser.newContext(DESKTOP);
    const tabs = [await tab(context, project), await tab(context, project)];
    for (const [i, page] of tabs.entries()) {
      await synced(page);
      await page.evaluate(() => window.__board?.canvas.disconnect());
      await drawRects(page, i + 1);
      await kept(page);
    }
    await Promise.all(tabs.map(die));
    const third = await tab(context, project);
    await count(third, 3);
    await saved(third);
    const other = await here.visit(project);
    await converged(third, other);
    expect(await objectsOf(other)).toHaveLength(3);
    await leave(third, other);
  });
});

describe('a reload', () => {
  it('without a server: drawn, reloaded, drawn, reloaded again; all comes together when it is back', async () => {
    const [a, b] = await here.two();
    await drawRects(a, 1);
    await saved(a);
    await shellKept(a);
    await here.server.crash();
    await drawRects(a, 2, 350);
    for (let round = 0; round < 2; round++) {
      await kept(a);
      await a.reload();
      await opened(a);
      await count(a, 3 + round);
      await a.keyboard.press('o');
      await drag(a, [300 + 150 * round, 500], [400 + 150 * round, 580]);
    }
    await b.keyboard.press('n');
    await b.mouse.click(900, 600);
    await b.keyboard.type('from b');
    await b.keyboard.press('Escape');
    await kept(a);
    await here.server.run();
    await Promise.all([saved(a), saved(b)]);
    await Promise.all([count(a, 6), count(b, 6)]);
    await converged(a, b);
    expect((await objectsOf(b)).map(({ type }) => type).sort()).toEqual(['ellipse', 'ellipse', 'note', 'rect', 'rect', 'rect']);
    await leave(a, b);
  });

  it('undo goes on where it was', async () => {
    const project = newProject();
    const page = await here.visit(project);
    await drawRects(page, 3);
    await page.keyboard.press('Control+z');
    await count(page, 2);
    // What is saved was sent, and what was sent had been kept, undo steps with it.
    await saved(page);
    await page.reload();
    await synced(page);
    await page.keyboard.press('Control+Shift+z');
    await count(page, 3);
    for (let rest = 2; rest >= 0; rest--) {
      await page.keyboard.press('Control+z');
      await count(page, rest);
    }
    await leave(page);
  });
});
