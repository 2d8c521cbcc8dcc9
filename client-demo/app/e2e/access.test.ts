/** Who gets in, and what they may do there: a server that checks tokens, with the keys that it was given. */
import type { BrowserContextOptions, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { converged, DESKTOP, drag, leave, newProject, objectsOf, PHONE, saved, synced } from './browser';
import { choose, count, lookAtOrigin } from './eyes';
import { Server } from './server';
import { shootBoth } from './shots';
import { stage } from './stage';
import { Wire } from './wire';

const KEY = 'secret:for-the-tests-of-this-file-and-nothing-else-0123';
const here = stage(() => Server.start(undefined, { COLLAB_AUTH_KEYS: KEY }));

/** Somebody opens an address; nothing is waited for. */
async function open(project: string, fragment: string, options: BrowserContextOptions = DESKTOP, wire?: Wire): Promise<Page> {
  const page = await (await here.browser.newContext(options)).newPage();
  await wire?.tap(page);
  await page.goto(`${here.server.url}/?project=${project}&test=1${fragment}`);
  return page;
}

/** Somebody comes in, with a token of this role. */
async function enter(project: string, role: string, options?: BrowserContextOptions, wire?: Wire): Promise<Page> {
  const page = await open(project, `#token=${await here.server.token(`user-of-${role}`, `${project}=${role}`)}`, options, wire);
  await synced(page);
  return page;
}

const wall = (page: Page, title: string, timeout = 30_000): Promise<unknown> => page.waitForSelector(`.wall[open] >> text="${title}"`, { timeout });
const isViewOnly = (page: Page, isSo: boolean): Promise<unknown> => page.waitForSelector('.view-only', { state: isSo ? 'visible' : 'hidden' });
const shownTools = (page: Page): Promise<(string | null)[]> => page.$$eval('.toolbar button:not([hidden])', (buttons) => buttons.map((b) => b.getAttribute('data-tool')));

async function drawRect(page: Page): Promise<void> {
  await page.keyboard.press('r');
  await drag(page, [300, 200], [420, 300]);
}

/** The owner makes a link, by the panel. @returns the address that others get */
async function makeLink(owner: Page, role: string, password = ''): Promise<string> {
  if (!(await owner.isVisible('.sharing'))) await owner.click('.share');
  const before = await owner.locator('.sharing .links li').count();
  await owner.selectOption('#link-role', role);
  await owner.selectOption('#link-time', { label: 'for an hour' });
  await owner.fill('#new-password', password);
  await owner.click('text=Make a link and copy it');
  await owner.waitForFunction((n) => document.querySelectorAll('.sharing .links li').length === n, before + 1);
  return owner.inputValue('[aria-label="The new link"]');
}

describe('a token in the address', () => {
  it('opens the board, leaves the address, and is in no request; the tab keeps it', async () => {
    const project = newProject();
    const token = await here.server.token('ana', `${project}=owner`);
    const page = await (await here.browser.newContext(DESKTOP)).newPage();
    const asked: string[] = [];
    // What comes after a `#` never leaves a browser, although it is told here.
    page.on('request', (request) => asked.push(request.url().split('#')[0] ?? ''));
    page.on('websocket', (socket) => asked.push(socket.url()));
    await page.goto(`${here.server.url}/?project=${project}&test=1#token=${token}`);
    await synced(page);
    expect(page.url()).toBe(`${here.server.url}/?project=${project}&test=1`);
    expect(asked.length).toBeGreaterThan(2);
    expect(asked.filter((url) => url.includes(token))).toEqual([]);
    await page.reload();
    await synced(page);
    expect(await page.evaluate(() => window.__board?.canvas.role)).toBe('owner');
    const tab = await page.context().newPage();
    await tab.goto(page.url());
    await wall(tab, 'This board does not know you');
    await leave(page);
  });

  it('of somebody without rights here leads to a page that says whom to ask', async () => {
    const project = newProject();
    for (const [name, options] of [['desktop', DESKTOP], ['phone', PHONE]] as const) {
      const page = await open(project, `#token=${await here.server.token('eve', `${newProject()}=owner`)}`, options);
      await wall(page, 'You have no access to this board');
      expect(await page.textContent('#wall-text')).toMatch(/Ask its owner/);
      // There is nothing behind it.
      await page.keyboard.press('Escape');
      expect(await page.isVisible('.wall[open]')).toBe(true);
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Try again');
      await shootBoth(page, `no-access-${name}`);
      await leave(page);
    }
  });

  it('that has ended does too, and another one opens the board again', async () => {
    const project = newProject();
    const page = await open(project, `#token=${await here.server.token('ana', `${project}=editor`, '5s')}`);
    await synced(page);
    await drawRect(page);
    await saved(page);
    // A token is good for 30 s more: clocks may differ.
    await wall(page, 'Your access to this board has ended', 60_000);
    const token = await here.server.token('ana', `${project}=editor`);
    await page.evaluate((hash) => void (location.hash = hash), `token=${token}`);
    await page.waitForSelector('.wall[open]', { state: 'detached' }).catch(() => undefined);
    await synced(page);
    await count(page, 1);
    expect(page.url()).not.toContain(token);
    await leave(page);
  });
});

describe('a viewer', () => {
  it('sees what others draw, and nothing of what changes it', async () => {
    const project = newProject();
    const editor = await enter(project, 'editor');
    for (const role of ['viewer', 'commenter']) {
      const viewer = await enter(project, role);
      await isViewOnly(viewer, true);
      await lookAtOrigin(editor, viewer);
      await drawRect(editor);
      await converged(editor, viewer);
      expect(await shownTools(viewer)).toEqual(['select', 'hand']);
      for (const part of ['.history', '.inspector']) expect(await viewer.isVisible(part), part).toBe(false);
      await viewer.click('.menu > button');
      expect(await viewer.isVisible('text=Image by its address…')).toBe(false);
      await viewer.keyboard.press('Escape');
      await shootBoth(viewer, `view-only-${role}`);
      await leave(viewer);
    }
    expect(await shownTools(editor)).toHaveLength(9);
    await leave(editor);
  });

  it('can select and look around, and no key and no drag changes anything', async () => {
    const project = newProject();
    const [editor, viewer] = [await enter(project, 'editor'), await enter(project, 'viewer')];
    await lookAtOrigin(editor, viewer);
    await drawRect(editor);
    await saved(editor);
    const before = await converged(editor, viewer);
    const troubles: string[] = [];
    viewer.on('pageerror', (error) => troubles.push(error.message));
    await viewer.mouse.click(360, 202);
    await viewer.waitForSelector('.contents [aria-pressed="true"]', { state: 'attached' });
    await drag(viewer, [360, 202], [600, 500]);
    for (const key of ['r', 'Delete', 'ArrowLeft', 'Control+z', 'Control+d', 'Control+g', ']', 'Enter', 'n']) await viewer.keyboard.press(key);
    await viewer.mouse.dblclick(700, 600);
    await viewer.keyboard.type('hello');
    await viewer.keyboard.press('Shift+1');
    await drag(viewer, [500, 400], [700, 600]);
    expect(await viewer.isVisible('.text-editor')).toBe(false);
    expect(await viewer.evaluate(() => window.__board?.canvas.status.unsent)).toBe(0);
    expect(await converged(editor, viewer)).toBe(before);
    expect([troubles, await viewer.locator('.toast').count()]).toEqual([[], 0]);
    await leave(editor, viewer);
  });
});

describe('a role that changes while somebody is there', () => {
  it('takes the tools away in the middle of a text, and gives them back without a reload', async () => {
    const wire = new Wire();
    const page = await enter(newProject(), 'editor', DESKTOP, wire);
    await lookAtOrigin(page);
    await drawRect(page);
    await saved(page);
    await page.keyboard.press('n');
    await page.mouse.click(700, 400);
    await page.keyboard.type('half a th');
    wire.say({ t: 'permission', role: 'viewer' });
    await isViewOnly(page, true);
    expect(await page.isVisible('.text-editor')).toBe(false);
    expect(await shownTools(page)).toEqual(['select', 'hand']);
    await page.keyboard.press('o');
    await drag(page, [300, 500], [400, 600]);
    wire.say({ t: 'permission', role: 'editor' });
    await isViewOnly(page, false);
    expect(await shownTools(page)).toHaveLength(9);
    await page.keyboard.press('Escape');
    await page.keyboard.press('o');
    await drag(page, [300, 500], [400, 600]);
    await saved(page);
    expect((await objectsOf(page)).map(({ type }) => type)).toEqual(['rect', 'note', 'ellipse']);
    await leave(page);
  });
});

describe('an owner', () => {
  it('makes a link with a password; who has it comes in by that, until it is revoked', async () => {
    const project = newProject();
    const owner = await enter(project, 'owner');
    const address = await makeLink(owner, 'editor', 'sesame');
    expect(address.startsWith(`${here.server.url}/?project=${project}#link=`)).toBe(true);
    await shootBoth(owner, 'sharing');
    const guest = await open(project, `${new URL(address).hash}`);
    await guest.waitForSelector('dialog[open] >> text="This link asks for a password"');
    await shootBoth(guest, 'password');
    await guest.keyboard.type('open');
    await guest.keyboard.press('Enter');
    await guest.waitForSelector('dialog[open] >> text=/not the password/');
    expect(await guest.getAttribute('#link-password', 'aria-invalid')).toBe('true');
    await guest.keyboard.type('sesame');
    await guest.keyboard.press('Enter');
    await synced(guest);
    expect(guest.url()).not.toContain('link');
    // The tab knows it now.
    await guest.reload();
    await synced(guest);
    await drawRect(guest);
    await converged(owner, guest);
    await owner.click('.sharing .links >> text=Revoke');
    await owner.waitForFunction(() => document.querySelectorAll('.sharing .links li').length === 0);
    await guest.waitForSelector('.wall[open]');
    await leave(owner, guest);
  });

  it('who gives up at the password is told whom to ask', async () => {
    const project = newProject();
    const owner = await enter(project, 'owner');
    const guest = await open(project, new URL(await makeLink(owner, 'viewer', 'sesame')).hash);
    await guest.waitForSelector('dialog[open] >> text="This link asks for a password"');
    await guest.keyboard.press('Escape');
    await wall(guest, 'This link asks for a password');
    await leave(owner, guest);
  });

  it('a link without a password lets in at once, with the role that it says', async () => {
    const project = newProject();
    const owner = await enter(project, 'owner');
    const guest = await open(project, new URL(await makeLink(owner, 'viewer')).hash);
    await synced(guest);
    await isViewOnly(guest, true);
    expect(await guest.getAttribute('.share', 'aria-label')).toBe('Share: copy the link');
    await leave(owner, guest);
  });

  it('freezes the board and lets people edit again', async () => {
    const project = newProject();
    const [owner, editor] = [await enter(project, 'owner'), await enter(project, 'editor')];
    await owner.click('.share');
    await owner.click('text=Freeze the board');
    await isViewOnly(editor, true);
    await isViewOnly(owner, true);
    // Whoever froze it can let people edit again, also after a reload.
    await owner.reload();
    await synced(owner);
    await owner.click('.share');
    await owner.click('text=Let people edit');
    await isViewOnly(editor, false);
    await lookAtOrigin(editor);
    await drawRect(editor);
    await saved(editor);
    await count(editor, 1);
    await leave(owner, editor);
  });

  it('a deleted board says so, to whoever is on it and to whoever comes', async () => {
    const project = newProject();
    const editor = await enter(project, 'editor');
    await drawRect(editor);
    await saved(editor);
    const token = await here.server.token('user-of-owner', `${project}=owner`);
    const gone = await fetch(`${here.server.url}/v1/projects/${project}`, { method: 'DELETE', headers: { authorization: `Bearer ${token}` } });
    expect(gone.status).toBe(204);
    await wall(editor, 'This board was deleted');
    await editor.reload();
    await wall(editor, 'This board was deleted');
    await shootBoth(editor, 'access-deleted');
    await leave(editor);
  });

  it('sees what others may do; the panel is nobody else’s, closes with Escape, and keeps no link', async () => {
    const project = newProject();
    const [owner, viewer] = [await enter(project, 'owner'), await enter(project, 'viewer')];
    await owner.waitForSelector('.others [aria-label*="(viewer)"]');
    await makeLink(owner, 'viewer');
    await owner.keyboard.press('Escape');
    expect(await owner.isVisible('.sharing')).toBe(false);
    expect(await owner.evaluate(() => document.activeElement?.className)).toBe('share');
    await owner.click('.share');
    expect(await owner.isVisible('[aria-label="The new link"]')).toBe(false);
    await viewer.click('.share');
    expect(await viewer.isVisible('.sharing')).toBe(false);
    await choose(owner, 'Map of the board');
    await leave(owner, viewer);
  });

  it('what the panel has asked is in no cache', async () => {
    const owner = await enter(newProject(), 'owner');
    await owner.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await owner.reload();
    await synced(owner);
    await makeLink(owner, 'viewer');
    const kept = await owner.evaluate(async () => {
      const urls: string[] = [];
      for (const name of await caches.keys()) for (const { url } of await (await caches.open(name)).keys()) urls.push(url);
      return urls;
    });
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.filter((url) => url.includes('/v1/') || url.includes('token') || url.includes('link'))).toEqual([]);
    await leave(owner);
  });
});
