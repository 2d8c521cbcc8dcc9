/** What an operator sees of a node and of a room in it. */
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { DESKTOP, drag, leave, newProject, PHONE, saved } from './browser';
import { Server } from './server';
import { shoot, shootBoth } from './shots';
import { stage } from './stage';

const here = stage();

const rows = (page: Page, table: string): Promise<string[]> => page.$$eval(`${table} tr`, (all) => all.map((row) => row.textContent ?? ''));
const shows = (page: Page, selector: string, text: string): Promise<unknown> =>
  page.waitForFunction(([at, what]) => document.querySelector(at!)?.textContent?.includes(what!), [selector, text], { timeout: 30_000 });

describe('the inspector', () => {
  it('shows a node, its rooms, and one of them live', async () => {
    const project = newProject();
    const [ana, ben] = await here.two(project);
    await ana.keyboard.press('r');
    await drag(ana, [300, 200], [420, 300]);
    await saved(ana);
    const page = await (await here.browser.newContext(DESKTOP)).newPage();
    const wrong: string[] = [];
    page.on('pageerror', (error) => wrong.push(error.message));
    page.on('console', (message) => message.type() === 'error' && wrong.push(message.text()));
    await page.goto(here.server.adminUrl);
    await shows(page, '#status', 'ready');
    await shows(page, '#projects', project);
    await page.click(`text="${project}"`);
    await shows(page, '#facts', 'all is saved');
    expect(await rows(page, '#members')).toHaveLength(2);
    // It is below a list that may be long.
    await page.waitForFunction(() => document.querySelector('#room')!.getBoundingClientRect().top < innerHeight / 2);
    const before = (await rows(page, '#commits')).length;
    expect(before).toBeGreaterThan(0);
    // It refreshes itself.
    await ben.keyboard.press('r');
    await drag(ben, [500, 200], [620, 300]);
    await page.waitForFunction((n) => document.querySelectorAll('#commits tr').length > n, before, { timeout: 30_000 });
    await leave(ben);
    await page.waitForFunction(() => document.querySelectorAll('#members tr').length === 1, undefined, { timeout: 30_000 });
    await shootBoth(page, 'inspector');
    await page.setViewportSize(PHONE.viewport ?? { width: 390, height: 844 });
    await shoot(page, 'inspector-phone');
    expect(wrong).toEqual([]);
    await leave(ana, page);
  });

  it('says that a node does not answer, and goes on when it does', async () => {
    const server = await Server.start();
    const page = await (await here.browser.newContext(DESKTOP)).newPage();
    try {
      await page.goto(server.adminUrl);
      await shows(page, '#status', 'ready');
      await page.waitForSelector('#none:not([hidden])');
      await server.crash();
      await shows(page, '#status', 'does not answer');
      await server.run();
      await shows(page, '#status', 'ready');
    } finally {
      await leave(page);
      await server.stop();
    }
  });

  it('is for whoever knows the token of the node, when it has one', async () => {
    const server = await Server.start(undefined, { COLLAB_ADMIN_TOKEN: 'the-token-of-this-test' });
    try {
      for (const path of ['/', '/healthz', '/log', '/debug/projects', '/debug/projects/p']) expect((await fetch(`${server.adminUrl}${path}`)).status).toBe(401);
      const known = { ...DESKTOP, httpCredentials: { username: 'me', password: 'the-token-of-this-test' } };
      const operator = await (await here.browser.newContext(known)).newPage();
      await operator.goto(server.adminUrl);
      await shows(operator, '#status', 'ready');
      await leave(operator);
    } finally {
      await server.stop();
    }
  });
});
