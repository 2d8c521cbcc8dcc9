/** The overlay of the SDK, which the panel for pulling the plug shows: what a visitor sees of what happens. */
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { DESKTOP, leave, newProject, PHONE, saved } from './browser';
import { count, draw } from './eyes';
import { shootBoth } from './shots';
import { stage } from './stage';

const here = stage();

/** A name, its value, and of what kind it is. */
type Row = readonly [string, string, string];

/** The rows of a part of the overlay; none while it is not there. Selectors reach through its shadow root. */
const rowsOf = (page: Page, part: string): Promise<Row[]> =>
  page.locator('section[aria-label="CollabCanvas devtools"] .part').evaluateAll((parts, title) => {
    const found = parts.find((each) => each.querySelector('h2')?.textContent?.startsWith(title));
    const [names, values] = ['dt', 'dd'].map((tag) => [...(found?.querySelectorAll(tag) ?? [])]);
    return (names ?? []).map((name, i): Row => [name.textContent ?? '', values?.[i]?.textContent ?? '', values?.[i]?.className ?? '']);
  }, part);

/** Waits until a part of the overlay has a row like this. */
const shows = (page: Page, part: string, name: RegExp, value: RegExp, kind = ''): Promise<void> => {
  const isThere = async (): Promise<boolean> => (await rowsOf(page, part)).some((row) => name.test(row[0]) && value.test(row[1]) && row[2] === kind);
  return expect.poll(isThere, { timeout: 30_000, message: `${part}: ${name} ${value}` }).toBe(true);
};

/** Waits until something that happened is told. */
const tells = (page: Page, kind: string, what: RegExp): Promise<void> => shows(page, 'Events', /^\d\d:\d\d:\d\d\.\d\d\d$/, what, kind);

describe.each([['desktop', DESKTOP], ['phone', PHONE]] as const)('the devtools, on a %s', (name, options) => {
  it('show operations, latencies, the position, who is there, and how a connection came back', async () => {
    const project = newProject();
    const page = await here.visit(project, options);
    const other = await here.visit(project);
    await page.click('[aria-label="Pull the plug"]');
    expect(await rowsOf(page, 'State')).toEqual([]);
    await page.click('text=Show what happens');
    await shows(page, 'State', /^connection$/, /^online$/);
    await shows(page, 'State', /^objects$/, /^0$/);
    await shows(page, 'Others (1)', /./, /^active$/);
    await shows(page, 'Latency', /^saved$/, /^–$/);

    await page.evaluate(() => window.__board?.canvas.batch((tx) => void tx.create({ type: 'rect', x: 0, y: 200, w: 90, h: 60, stroke: '#2e6de0', z: 'a0' })));
    await saved(page);
    await count(other, 1);
    await draw(other, 'o', [300, 300], [400, 400]);
    await tells(page, 'edit', /^create of/);
    await tells(page, 'heard', /^change of/);
    await shows(page, 'State', /^objects$/, /^2$/);
    // An epoch, and at least the two edits.
    await shows(page, 'State', /^position$/, /^\d+\.([2-9]|\d\d+)$/);
    for (const moment of [/^accepted$/, /^saved$/]) await shows(page, 'Latency', moment, /^\d+ ms, 95 % within \d+ ms$/);

    await page.click('text=Kill the connection');
    await tells(page, 'connection', /^offline$/);
    await tells(page, 'connection', /^online$/);
    await saved(page);
    await shows(page, 'State', /^connection$/, /^online$/);
    await shootBoth(page, `devtools-${name}`);

    // The panel is not covered by what it shows.
    await page.click('text=Show what happens');
    await expect.poll(() => rowsOf(page, 'State')).toEqual([]);
    await leave(page, other);
  });
});
