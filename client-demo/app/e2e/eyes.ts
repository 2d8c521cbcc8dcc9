import type { Page } from 'playwright-core';
import { drag, synced } from './browser';

/** Screen and canvas coordinates are the same from now on, so that the tests can be read. */
export async function lookAtOrigin(...pages: Page[]): Promise<void> {
  await Promise.all(pages.map((page) => page.evaluate(() => window.__board?.camera.set({ x: 0, y: 0, zoom: 1 }))));
}

/** Another tab of the same person: it shares the clipboard and what the browser keeps. */
export async function tabBeside(page: Page): Promise<Page> {
  const tab = await page.context().newPage();
  await tab.goto(page.url());
  await synced(tab);
  return tab;
}

/** Draws from corner to corner, or from end to end; the tool's key says what. Nothing is selected before. */
export async function draw(page: Page, key: string, from: [number, number], to: [number, number]): Promise<void> {
  await page.keyboard.press('Escape');
  await page.keyboard.press(key);
  await drag(page, from, to);
}

/** Waits until something dark is painted within three pixels of a point of the screen, or until nothing is. */
export async function inkAt(page: Page, x: number, y: number, isThere = true): Promise<void> {
  const reach = 3;
  const wanted = { x: x - reach, y: y - reach, size: 2 * reach + 1, isThere };
  await page.waitForFunction(({ x, y, size, isThere }) => {
    const paper = document.querySelector<HTMLCanvasElement>('canvas.scene')?.getContext('2d');
    const { data } = paper?.getImageData(x, y, size, size) ?? { data: [] };
    let darkest = 765;
    for (let i = 0; i + 2 < data.length; i += 4) darkest = Math.min(darkest, (data[i] ?? 0) + (data[i + 1] ?? 0) + (data[i + 2] ?? 0));
    return darkest < 400 === isThere;
  }, wanted);
}

/** Waits until so many shapes are selected, as the list of contents tells. */
export const selected = (page: Page, count: number): Promise<unknown> =>
  page.waitForFunction((n) => document.querySelectorAll('.contents [aria-pressed="true"]').length === n, count);

/** Opens the board's menu and chooses a line of it. */
export async function choose(page: Page, label: string): Promise<void> {
  await page.click('.menu > button');
  await page.click(`.menu-list >> text="${label}"`);
}

/** Puts a text on the clipboard, as if it had been copied elsewhere. */
export async function copied(page: Page, text: string): Promise<void> {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.evaluate((text) => navigator.clipboard.writeText(text), text);
}

/** Waits until the board has so many objects. */
export const count = (page: Page, n: number): Promise<unknown> => page.waitForFunction((n) => window.__board?.canvas.objects.size === n, n);

/** Waits until leaving the page would, or would not, be asked about. What is edited is kept in the browser a moment later. */
export const asksBeforeLeaving = (page: Page, isAsked: boolean): Promise<unknown> =>
  page.waitForFunction((wanted) => !window.dispatchEvent(new Event('beforeunload', { cancelable: true })) === wanted, isAsked);

/** Waits until a page sees where so many others point. */
export const seesCursors = (page: Page, count: number): Promise<unknown> =>
  page.waitForFunction((n) => {
    const presence = window.__board?.canvas.presence;
    return [...(presence?.others.keys() ?? [])].filter((session) => presence?.cursor(session)).length >= n;
  }, count);
