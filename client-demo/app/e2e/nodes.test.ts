import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { converged, drag, launch, leave, newProject, objectsOf, saved, visit } from './browser';
import { Redis } from './redis';
import { Server } from './server';

let redis: Redis;
let nodes: Server[];
let browser: Browser;

beforeAll(async () => {
  redis = await Redis.start();
  const stores = {
    COLLAB_REDIS_URL: `redis://127.0.0.1:${redis.port}`,
    COLLAB_DURABLE_URL: `sqlite://${join(redis.directory, 'shared.db')}`,
  };
  nodes = [await Server.start(stores), await Server.start(stores)];
  browser = await launch();
});

afterAll(async () => {
  await browser?.close();
  await Promise.all((nodes ?? []).map((node) => node.stop()));
  await redis?.stop();
});

const url = (n: number): string => nodes[n]?.url ?? '';

describe('two nodes, a tab on each', () => {
  it('draw on one board and see each other', async () => {
    const project = newProject();
    const [a, b] = [await visit(browser, url(0), project), await visit(browser, url(1), project)];
    await a.keyboard.press('r');
    await drag(a, [300, 200], [420, 320]);
    await b.keyboard.press('r');
    await drag(b, [500, 200], [620, 320]);
    await converged(a, b);
    expect(await objectsOf(a)).toHaveLength(2);
    await a.mouse.move(400, 500);
    for (const page of [a, b]) {
      await page.waitForFunction(() => window.__board?.canvas.presence.others.size === 1);
    }
    await b.waitForFunction(() => {
      const presence = window.__board?.canvas.presence;
      return [...(presence?.others.keys() ?? [])].some((session) => presence?.cursor(session));
    });
    await leave(a);
    await b.waitForFunction(() => window.__board?.canvas.presence.others.size === 0);
    await leave(b);
  });

  it('are told while Redis hangs, and lose nothing that was drawn meanwhile', async () => {
    const project = newProject();
    const [a, b] = [await visit(browser, url(0), project), await visit(browser, url(1), project)];
    await a.keyboard.press('r');
    await drag(a, [300, 200], [420, 320]);
    await converged(a, b);
    redis.hang();
    try {
      await a.keyboard.press('r');
      await drag(a, [500, 200], [620, 320]);
      await a.waitForFunction(() => window.__board?.canvas.status.mode === 'degraded');
      await a.screenshot({ path: join(import.meta.dirname, 'out', 'redis-hangs.png') });
    } finally {
      redis.goOn();
    }
    await a.waitForFunction(() => window.__board?.canvas.status.mode === 'normal');
    await Promise.all([saved(a), saved(b)]);
    await converged(a, b);
    expect(await objectsOf(b)).toHaveLength(2);
    await leave(a, b);
  });
});
