import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import type { ExcalidrawHook } from '../../excalidraw/src/test-hook';
import { DESKTOP, drag, leave, newProject } from './browser';
import { stage } from './stage';

declare global {
  interface Window {
    __excalidraw?: ExcalidrawHook;
  }
}

/** How long two people work at the same time, and the numbers that lead their hands. */
const SECONDS = Math.min(60, Number(process.env['EXCALIDRAW_SECONDS'] ?? 20));
const SEED = Number(process.env['EXCALIDRAW_SEED'] ?? 1);
/** Milliseconds that the server is away. */
const AWAY = 1500;

const here = stage();

async function visitEditor(project: string): Promise<Page> {
  const context = await here.browser.newContext(DESKTOP);
  const page = await context.newPage();
  page.on('pageerror', (error) => {
    throw error;
  });
  page.on('request', (request) => expect(request.url()).toMatch(/^(http:\/\/127\.0\.0\.1:|data:|blob:)/));
  await page.goto(`${here.server.url}/excalidraw/?project=${project}&test=1`);
  await page.waitForFunction(() => window.__excalidraw?.canvas.status.synced);
  return page;
}

/** What a tab shows and what its canvas holds, each in drawing order and as text that can be compared. */
const stateOf = (page: Page): Promise<{ scene: string; objects: string }> =>
  page.evaluate(() => {
    const { api, canvas } = window.__excalidraw as ExcalidrawHook;
    const local = ['id', 'index', 'isDeleted', 'version', 'versionNonce', 'updated'];
    const line = (id: string, place: unknown, fields: object): string => {
      const shared = Object.entries(fields).filter(([name, value]) => !local.includes(name) && name !== 'z' && value !== undefined);
      return JSON.stringify([id, place, shared.sort(([a], [b]) => (a < b ? -1 : 1))]);
    };
    return {
      scene: api.getSceneElements().map((element) => line(element.id, element.index, element)).join('\n'),
      objects: canvas.ordered().map(({ id, props }) => line(id, props['z'], props)).join('\n'),
    };
  });

/** How long what was done may take to show everywhere, in milliseconds. */
const SOON = { timeout: 30_000 };

/** Waits until everything is saved and all tabs show and hold the same, and gives it; what differs, when that takes too long. */
async function agreed(...pages: Page[]): Promise<string> {
  const isSaved = (page: Page): Promise<unknown> =>
    page.waitForFunction(() => {
      const { connection, unsaved, synced } = window.__excalidraw?.canvas.status ?? {};
      return connection === 'online' && synced && unsaved === 0;
    });
  await Promise.all(pages.map(isSaved));
  let texts: string[] = [];
  const kinds = async (): Promise<number> => {
    texts = (await Promise.all(pages.map(stateOf))).flatMap(({ scene, objects }) => [scene, objects]);
    return new Set(texts).size;
  };
  await expect.poll(kinds, SOON).toBe(1).catch(() => undefined);
  const [first = '', ...rest] = texts;
  for (const text of rest) expect(text).toBe(first);
  return first;
}

/** A small generator with a seed (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below;
  };
}

/** A point of the page where an element can be taken hold of; undefined when there is none. */
const grip = (page: Page, which: number): Promise<[number, number] | undefined> =>
  page.evaluate((share) => {
    const { api } = window.__excalidraw as ExcalidrawHook;
    const elements = api.getSceneElements();
    const element = elements[Math.floor(share * elements.length)];
    if (!element) return undefined;
    const { scrollX, scrollY, zoom } = api.getAppState();
    const [x, y] = 'points' in element ? (element.points[Math.floor(element.points.length / 2)] ?? [0, 0]) : [0, element.height / 2];
    return [(element.x + x + scrollX) * zoom.value, (element.y + y + scrollY) * zoom.value];
  }, which);

/** One pair of hands: what it does next is chosen by its seed. Counts what was done. */
class Hands {
  readonly done: Record<string, number> = {};
  private readonly random: (below: number) => number;

  constructor(
    private readonly page: Page,
    seed: number,
  ) {
    this.random = randomFrom(seed);
  }

  async workUntil(end: number): Promise<void> {
    const deeds = { draw: 5, write: 1, move: 6, remove: 2, reorder: 4, undo: 3, redo: 1 } as const;
    const bag = Object.entries(deeds).flatMap(([name, weight]) => Array.from({ length: weight }, () => name as keyof typeof deeds));
    while (Date.now() < end) {
      const deed = bag[Math.floor(this.random(bag.length))] ?? 'draw';
      await this[deed]();
      this.done[deed] = (this.done[deed] ?? 0) + 1;
    }
    await this.page.keyboard.press('Escape');
    await this.page.mouse.move(720, 860);
  }

  private place(): [number, number] {
    return [300 + this.random(900), 130 + this.random(560)];
  }

  private async draw(): Promise<void> {
    const tool = ['r', 'd', 'o', 'a', 'l', 'p'][Math.floor(this.random(6))] ?? 'r';
    const [x, y] = this.place();
    await this.page.keyboard.press(tool);
    await drag(this.page, [x, y], [x + 20 + this.random(160), y + 20 + this.random(120)], 5);
    await this.page.keyboard.press('Escape');
    await this.page.keyboard.press('v');
  }

  private async write(): Promise<void> {
    await this.page.keyboard.press('t');
    await this.page.mouse.click(...this.place());
    await this.page.keyboard.type(`text ${Math.floor(this.random(1000))}`);
    await this.page.keyboard.press('Escape');
    await this.page.keyboard.press('v');
  }

  private async move(): Promise<void> {
    const from = await grip(this.page, this.random(1));
    if (from) await drag(this.page, from, this.place(), 6);
  }

  private async take(): Promise<void> {
    await this.page.keyboard.press('Escape');
    const at = await grip(this.page, this.random(1));
    if (at) await this.page.mouse.click(...at);
  }

  private async remove(): Promise<void> {
    await this.take();
    await this.page.keyboard.press('Delete');
  }

  private async reorder(): Promise<void> {
    await this.take();
    const key = ['Control+Shift+BracketLeft', 'Control+Shift+BracketRight', 'Control+BracketLeft', 'Control+BracketRight'][Math.floor(this.random(4))];
    await this.page.keyboard.press(key ?? 'Control+BracketLeft');
  }

  private undo(): Promise<void> {
    return this.page.keyboard.press('Control+z');
  }

  private redo(): Promise<void> {
    return this.page.keyboard.press('Control+Shift+z');
  }
}

describe('Excalidraw over the SDK', () => {
  it('shows two people at work the same drawing, also when the server is killed under them', { timeout: 60_000 + SECONDS * 1000 }, async () => {
    const project = newProject();
    const [a, b] = [await visitEditor(project), await visitEditor(project)];
    const hands = [new Hands(a, SEED), new Hands(b, SEED + 1)];
    const start = Date.now();
    const end = start + SECONDS * 1000;
    const work = Promise.all(hands.map((pair) => pair.workUntil(end)));
    await new Promise((done) => setTimeout(done, (SECONDS * 1000) / 2 - AWAY / 2));
    await here.server.crash();
    await new Promise((done) => setTimeout(done, AWAY));
    await here.server.run();
    await work;
    const drawing = await agreed(a, b);
    const late = await visitEditor(project);
    expect(await agreed(a, b, late)).toBe(drawing);
    const count = drawing.split('\n').length;
    console.log(`seed ${SEED}: ${SECONDS} s of two tabs at once: ${hands.map(({ done }) => JSON.stringify(done)).join(' and ')}; ${count} elements, equal`);
    expect(count).toBeGreaterThan(5);
    await leave(a, b, late);
  });

  it('undoes only what was done here, also on an element that two people work on', async () => {
    const project = newProject();
    const [a, b] = [await visitEditor(project), await visitEditor(project)];
    await a.keyboard.press('r');
    await drag(a, [400, 200], [600, 300]);
    await agreed(a, b);
    await b.keyboard.press('o');
    await drag(b, [700, 400], [800, 500]);
    await agreed(a, b);
    // While one drags the rectangle, the other colours it: the drag goes on, and both hold in the end.
    await a.mouse.move(400, 250);
    await a.mouse.down();
    await a.mouse.move(450, 260, { steps: 4 });
    const colour = (color: string): Promise<void> =>
      b.evaluate((strokeColor) => {
        const { canvas } = window.__excalidraw as ExcalidrawHook;
        const rectangle = canvas.ordered().find(({ props }) => props['type'] === 'rectangle');
        if (rectangle) canvas.batch((tx) => tx.update(rectangle.id, { strokeColor }));
      }, color);
    await colour('#e03131');
    await a.waitForFunction(() => window.__excalidraw?.canvas.ordered().some(({ props }) => props['strokeColor'] === '#e03131'));
    await a.mouse.move(500, 350, { steps: 4 });
    await a.mouse.up();
    const rectangle = async (page: Page): Promise<unknown> => {
      await agreed(a, b);
      return page.evaluate(() => {
        const found = window.__excalidraw?.api.getSceneElements().find(({ type }) => type === 'rectangle');
        return found && [found.x, found.y, found.strokeColor];
      });
    };
    await expect.poll(() => rectangle(b), SOON).toEqual([500, 300, '#e03131']);
    await a.keyboard.press('Control+z');
    await expect.poll(() => rectangle(b), SOON).toEqual([400, 200, '#e03131']);
    await a.keyboard.press('Control+z');
    await expect.poll(() => rectangle(b), SOON).toBeUndefined();
    await b.keyboard.press('Control+z');
    await expect.poll(() => agreed(a, b), SOON).toBe('');
    await leave(a, b);
  });

  it('keeps what was drawn without a connection, also over a reload', async () => {
    const project = newProject();
    const [a, b] = [await visitEditor(project), await visitEditor(project)];
    await a.evaluate(() => window.__excalidraw?.canvas.disconnect());
    await a.waitForSelector('.sync-status[data-tone="bad"]');
    await a.keyboard.press('r');
    await drag(a, [400, 200], [600, 300]);
    await a.waitForFunction(() => window.__excalidraw?.canvas.status.unsent && window.__excalidraw.canvas.isSafeToLeave);
    await b.keyboard.press('o');
    await drag(b, [700, 400], [800, 500]);
    await a.reload();
    for (const page of [a, b]) await page.waitForFunction(() => window.__excalidraw?.api.getSceneElements().length === 2);
    expect((await agreed(a, b)).split('\n')).toHaveLength(2);
    await leave(a, b);
  });

  it('opens in a browser that keeps the whiteboard for offline use, and leaves that alone', async () => {
    const project = newProject();
    const page = await visitEditor(project);
    const title = async (path: string): Promise<string> => {
      await page.goto(`${here.server.url}${path}?project=${project}&test=1`);
      return page.title();
    };
    // The second visit is the one that goes through the service worker.
    await title('/');
    await page.evaluate(() => navigator.serviceWorker.ready);
    expect(await title('/')).toBe('CollabCanvas');
    expect(await title('/excalidraw')).toBe('Excalidraw on CollabCanvas');
    expect(await title('/excalidraw/')).toBe('Excalidraw on CollabCanvas');
    await page.waitForFunction(() => window.__excalidraw?.canvas.status.synced);
    await page.context().setOffline(true);
    expect(await title('/')).toBe('CollabCanvas');
    await leave(page);
  });
});
