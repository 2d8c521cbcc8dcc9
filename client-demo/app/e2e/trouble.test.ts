/**
 * What a person sees when a part of the server is away: a real server, behind a connection that holds back or adds messages. The
 * screenshots are for a person to look at.
 */
import type { BrowserContextOptions, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { DESKTOP, leave, newProject, PHONE } from './browser';
import { asksBeforeLeaving } from './eyes';
import { shootBoth } from './shots';
import { stage } from './stage';
import { Wire } from './wire';

const here = stage();

/** @param keeps false: a browser that keeps nothing for a page, as some do in private windows */
async function visit(options: BrowserContextOptions, keeps = true): Promise<[Page, Wire]> {
  const wire = new Wire();
  const page = await here.visit(newProject(), options, async (page) => {
    if (!keeps) await page.addInitScript(() => Object.defineProperty(window, 'indexedDB', { value: undefined }));
    await wire.tap(page);
  });
  return [page, wire];
}

const draw = (page: Page, n: number): Promise<void> =>
  page.evaluate((count) => {
    for (let i = 0; i < count; i += 1) {
      window.__board?.canvas.batch((tx) => void tx.create({ type: 'rect', x: i * 60, y: i * 30, w: 120, h: 80, color: 'blue' }));
    }
  }, n);
const label = (page: Page, text: string): Promise<unknown> =>
  page.waitForFunction((wanted) => document.querySelector('.status .label')?.textContent === wanted, text);

describe.each([['desktop', DESKTOP], ['phone', PHONE]] as const)('trouble, on a %s', (name, options) => {
  const shoot = (page: Page, what: string): Promise<void> => shootBoth(page, `${what}-${name}`);

  it('a part of the server is away: everything is saved, more slowly', async () => {
    const [page, wire] = await visit(options);
    await draw(page, 3);
    await label(page, 'Saved');
    wire.say({ t: 'mode', mode: 'degraded' });
    await label(page, 'Saved · slow');
    await shoot(page, 'degraded');
    await asksBeforeLeaving(page, false);
    wire.fromServer = (message) => (message['t'] === 'ack' || message['t'] === 'saved' ? undefined : message);
    await draw(page, 1);
    await label(page, 'Saving slowly…');
    wire.say({ t: 'mode', mode: 'normal' });
    await label(page, 'Saving…');
    await leave(page);
  });

  it('the durable store is away: accepted, not saved, and a page that cannot keep it asks before it is left', async () => {
    const [page, wire] = await visit(options, false);
    wire.fromServer = (message) => (message['t'] === 'saved' ? undefined : message);
    await draw(page, 2);
    await label(page, 'Saving…');
    await page.waitForFunction(() => window.__board?.canvas.status.unsent === 0);
    await asksBeforeLeaving(page, false);
    await label(page, 'Not saved yet · 2');
    await asksBeforeLeaving(page, true);
    await shoot(page, 'stalled');
    wire.fromServer = (message) => message;
    await draw(page, 1);
    await label(page, 'Saved');
    await leave(page);
  });

  it('the server takes nothing: kept here, sent as soon as it does', async () => {
    const [page, wire] = await visit(options);
    wire.fromPage = (message) => {
      if (message['t'] !== 'batch') return message;
      wire.say({ t: 'reject', cid: message['cid'], kind: 'temporary', code: 'unavailable', message: 'full', retry_ms: 300 });
      return undefined;
    };
    await draw(page, 2);
    await label(page, 'Waiting · 2 unsent');
    // Both are kept in the browser: whoever comes back finds them.
    await asksBeforeLeaving(page, false);
    await label(page, 'Waiting · 2 unsent');
    await shoot(page, 'unavailable');
    wire.fromPage = (message) => message;
    await label(page, 'Saved');
    await leave(page);
  });

  it('a change that had been saved is lost: told, kept as a file, made again', async () => {
    const [page, wire] = await visit(options);
    await draw(page, 1);
    await label(page, 'Saved');
    // What a server would say that had lost it, and was then sent another copy.
    wire.say({ t: 'reject', cid: 1, kind: 'final', code: 'exists', message: 'exists' });
    await page.waitForSelector('.toast .offer');
    await shoot(page, 'loss');
    const [file] = await Promise.all([page.waitForEvent('download'), page.click('text=Keep a copy')]);
    expect(file.suggestedFilename()).toMatch(/^lost-changes-\d+\.json$/);
    await page.evaluate(() => {
      const canvas = window.__board?.canvas;
      canvas?.batch((tx) => canvas.objects.forEach(({ id }) => tx.delete(id)));
    });
    await page.click('text=Make it again');
    await page.waitForFunction(() => window.__board?.canvas.objects.size === 1);
    await label(page, 'Saved');
    await leave(page);
  });
});
