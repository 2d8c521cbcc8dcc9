import type { Page } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { converged, DESKTOP, drag, leave, newProject, objectsOf, PHONE, synced } from './browser';
import { choose, copied, count, draw, inkAt, lookAtOrigin, selected, tabBeside } from './eyes';
import { shootBoth } from './shots';
import { stage } from './stage';

const here = stage();
let a: Page;
let b: Page;

beforeEach(async () => {
  [a, b] = await here.two();
  await lookAtOrigin(a, b);
});

afterEach(() => leave(a, b));

describe('an arrow between two shapes', () => {
  beforeEach(async () => {
    await draw(a, 'r', [300, 200], [400, 300]);
    await draw(a, 'r', [700, 200], [800, 300]);
    await draw(a, 'a', [350, 250], [750, 250]);
    await count(b, 3);
    await inkAt(b, 550, 250);
  });

  it('ends at the edges, and follows a shape that somebody else moves', async () => {
    await inkAt(a, 660, 250);
    await inkAt(a, 380, 250, false);
    await inkAt(a, 720, 250, false);
    await drag(b, [720, 200], [720, 500]);
    for (const page of [a, b]) {
      await inkAt(page, 550, 400);
      await inkAt(page, 550, 250, false);
    }
  });

  it('stays where it was seen when its shape is deleted, and holds on to it again after undo', async () => {
    await drag(b, [720, 200], [720, 500]);
    await inkAt(a, 550, 400);
    await a.keyboard.press('Escape');
    await a.mouse.click(720, 500);
    await a.keyboard.press('Delete');
    await count(b, 2);
    for (const page of [a, b]) await inkAt(page, 550, 400);
    await b.reload();
    await synced(b);
    await count(b, 2);
    await lookAtOrigin(b);
    await inkAt(b, 550, 400);
    await a.keyboard.press('Control+z');
    await count(b, 3);
    await drag(b, [720, 500], [720, 200]);
    await inkAt(a, 550, 250);
  });

  it('lets go when its end is dragged off, and takes hold of another shape', async () => {
    await draw(a, 'o', [500, 500], [600, 600]);
    await a.keyboard.press('Escape');
    await a.mouse.click(550, 250);
    await drag(a, [696, 250], [550, 520]);
    await inkAt(b, 450, 400);
    await drag(b, [502, 550], [802, 550]);
    await inkAt(a, 600, 400);
    await drag(b, [720, 200], [720, 60]);
    await inkAt(a, 600, 400);
  });

  it('is moved by the arrow keys when it alone is selected', async () => {
    await a.keyboard.press('Escape');
    await a.mouse.click(550, 250);
    for (let i = 0; i < 5; i++) await a.keyboard.press('Shift+ArrowDown');
    await inkAt(b, 550, 300);
    await inkAt(b, 550, 250, false);
  });
});

describe('an arrow inside a large shape', () => {
  beforeEach(() => draw(a, 'r', [250, 100], [1150, 700]));

  it('is as it was drawn', async () => {
    await draw(a, 'a', [400, 300], [800, 300]);
    await inkAt(b, 600, 300);
    await inkAt(b, 780, 300);
  });

  it('goes from a shape within it to the place where it was let go', async () => {
    await draw(a, 'r', [400, 300], [500, 400]);
    await draw(a, 'a', [450, 350], [800, 350]);
    await inkAt(b, 520, 350);
    await inkAt(b, 790, 350);
  });
});

describe('a group', () => {
  beforeEach(async () => {
    await draw(a, 'r', [300, 200], [400, 300]);
    await draw(a, 'r', [500, 200], [600, 300]);
    await draw(a, 'r', [900, 200], [1000, 300]);
    await a.keyboard.press('Escape');
    await drag(a, [280, 180], [620, 320]);
    await selected(a, 2);
    await a.keyboard.press('Control+g');
    await a.keyboard.press('Escape');
    await count(b, 3);
  });

  const places = async (page: Page): Promise<[number, number][]> => (await objectsOf(page)).map(({ x, y }) => [x, y]);

  it('is picked by one of its shapes and moves as one, for others too', async () => {
    await converged(a, b);
    await b.mouse.click(300, 250);
    await selected(b, 2);
    await drag(b, [350, 250], [350, 450]);
    await converged(a, b);
    expect(await places(a)).toEqual([[300, 400], [500, 400], [900, 200]]);
    await a.mouse.click(500, 450);
    await selected(a, 2);
  });

  it('is picked whole out of everything, and its shapes one by one after a second click', async () => {
    await a.keyboard.press('Control+a');
    await selected(a, 3);
    await a.mouse.click(350, 250);
    await selected(a, 2);
    // Elsewhere on it, as two clicks on one place would open its text.
    await a.mouse.click(330, 270);
    await selected(a, 1);
  });

  it('falls apart again', async () => {
    await a.mouse.click(350, 250);
    await a.keyboard.press('Control+Shift+g');
    await a.keyboard.press('Escape');
    await a.mouse.click(330, 270);
    await selected(a, 1);
    await drag(a, [350, 250], [350, 450]);
    expect(await places(a)).toEqual([[300, 400], [500, 200], [900, 200]]);
  });

  it.each([['desktop', DESKTOP], ['phone', PHONE]] as const)('is made and taken apart by the buttons of a %s', async (name, options) => {
    const page = await here.visit(newProject(), options);
    await lookAtOrigin(page);
    const groups = (): Promise<number> => page.evaluate(() => new Set(window.__board?.canvas.ordered().map(({ id, props }) => props['group'] ?? id)).size);
    await draw(page, 'r', [60, 200], [120, 260]);
    await draw(page, 'r', [180, 200], [240, 260]);
    expect(await page.isVisible('.grouping')).toBe(false);
    await page.keyboard.press('Control+a');
    await page.waitForSelector('.grouping >> text=Group');
    expect(await page.isVisible('text=Ungroup')).toBe(false);
    await shootBoth(page, `group-button-${name}`);
    await page.click('.grouping >> text="Group"');
    await page.waitForSelector('text=Ungroup');
    expect(await page.isVisible('.grouping >> text="Group"')).toBe(false);
    expect(await groups()).toBe(1);
    await page.click('text=Ungroup');
    await page.waitForSelector('.grouping >> text="Group"');
    expect(await groups()).toBe(2);
    await leave(page);
  });

  it('gives copies that are a group of their own', async () => {
    await a.mouse.click(300, 250);
    await a.keyboard.press('Control+d');
    await count(a, 5);
    await a.keyboard.press('Escape');
    await a.mouse.click(300, 210);
    await selected(a, 2);
    await a.keyboard.press('Control+c');
    await a.keyboard.press('Control+v');
    await count(a, 7);
    await selected(a, 2);
    await a.keyboard.press('Escape');
    await a.mouse.click(300, 210);
    await selected(a, 2);
  });
});

describe('a dragged shape', () => {
  const second = async (): Promise<{ x: number; y: number }> => {
    const { x = NaN, y = NaN } = (await objectsOf(a))[1] ?? {};
    return { x, y };
  };

  beforeEach(async () => {
    await draw(a, 'r', [400, 200], [600, 300]);
    await draw(a, 'r', [833, 477], [953, 557]);
    expect(await second()).toEqual({ x: 833, y: 477 });
  });

  it('snaps to the edges and the middles of others', async () => {
    await drag(a, [880, 500], [450, 500]);
    expect(await second()).toEqual({ x: 400, y: 477 });
    // Its middle, 60 to the right of its edge, comes near the other's at 500.
    await drag(a, [450, 500], [494, 500]);
    expect(await second()).toEqual({ x: 440, y: 477 });
  });

  it('goes where it likes with Ctrl', async () => {
    await a.keyboard.down('Control');
    await drag(a, [880, 500], [450, 500]);
    await a.keyboard.up('Control');
    expect(await second()).toEqual({ x: 403, y: 477 });
  });

  it('snaps to the grid when that is chosen, and to nothing when nothing is', async () => {
    await choose(a, 'Snap to the grid');
    await drag(a, [880, 500], [747, 604]);
    expect(await second()).toEqual({ x: 700, y: 580 });
    await choose(a, 'Snap to the grid');
    await drag(a, [750, 600], [453, 600]);
    expect(await second()).toEqual({ x: 403, y: 580 });
  });
});

describe('the clipboard', () => {
  it('carries shapes to another tab, equal and tied to each other only', async () => {
    await draw(a, 'r', [300, 200], [400, 300]);
    await a.click('[aria-label="Red"]');
    await draw(a, 'o', [700, 200], [800, 300]);
    await draw(a, 'a', [350, 250], [750, 250]);
    await drag(a, [720, 210], [720, 510]);
    await a.keyboard.press('Control+a');
    await a.keyboard.press('Control+c');
    const tab = await tabBeside(a);
    await tab.goto(`${here.server.url}/?project=${newProject()}&test=1`);
    await synced(tab);
    await tab.keyboard.press('Control+v');
    await count(tab, 3);
    const look = (page: Page): Promise<unknown[]> =>
      page.evaluate(() =>
        (window.__board?.canvas.ordered() ?? []).map(({ props: { type, w, h, stroke, fill, strokeWidth } }) => ({ type, w, h, stroke, fill, strokeWidth })),
      );
    const [first, second] = [await look(a), await look(tab)];
    expect(second.slice(0, 2)).toEqual(first.slice(0, 2));
    const [rect, ellipse] = await objectsOf(tab);
    expect([(ellipse?.x ?? 0) - (rect?.x ?? 0), (ellipse?.y ?? 0) - (rect?.y ?? 0)]).toEqual([400, 300]);
    // The arrow of the copies follows the copies.
    const ends = await tab.evaluate(() => {
      const all = window.__board?.canvas.ordered() ?? [];
      return [all[2]?.props['startAt'] === all[0]?.id, all[2]?.props['endAt'] === all[1]?.id];
    });
    expect(ends).toEqual([true, true]);
  });

  it('makes text of words', async () => {
    await copied(a, 'Two lines\nof words');
    await a.keyboard.press('Control+v');
    await count(b, 1);
    expect(await objectsOf(b)).toMatchObject([{ type: 'text', text: 'Two lines\nof words' }]);
  });
});
