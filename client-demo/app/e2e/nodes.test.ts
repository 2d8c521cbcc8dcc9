import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { converged, drag, leave, newProject, objectsOf, saved } from './browser';
import { count, seesCursors } from './eyes';
import { Redis } from './redis';
import { Server } from './server';
import { shoot } from './shots';
import { stage } from './stage';

let redis: Redis;

beforeAll(async () => {
  redis = await Redis.start();
});

afterAll(() => redis?.stop());

const node = (): Promise<Server> =>
  Server.start({
    COLLAB_REDIS_URL: `redis://127.0.0.1:${redis.port}`,
    COLLAB_DURABLE_URL: `sqlite://${join(redis.directory, 'shared.db')}`,
  });

const nodes = [stage(node), stage(node)] as const;

async function oneOnEach(): Promise<[Page, Page]> {
  const project = newProject();
  return [await nodes[0].visit(project), await nodes[1].visit(project)];
}

describe('two nodes, a tab on each', () => {
  it('draw on one board and see each other', async () => {
    const [a, b] = await oneOnEach();
    await a.keyboard.press('r');
    await drag(a, [300, 200], [420, 320]);
    await b.keyboard.press('r');
    await drag(b, [500, 200], [620, 320]);
    await Promise.all([count(a, 2), count(b, 2)]);
    await converged(a, b);
    await a.mouse.move(400, 500);
    for (const page of [a, b]) {
      await page.waitForFunction(() => window.__board?.canvas.presence.others.size === 1);
    }
    await seesCursors(b, 1);
    await leave(a);
    await b.waitForFunction(() => window.__board?.canvas.presence.others.size === 0);
    await leave(b);
  });

  it('are told while Redis hangs, and lose nothing that was drawn meanwhile', async () => {
    const [a, b] = await oneOnEach();
    await a.keyboard.press('r');
    await drag(a, [300, 200], [420, 320]);
    await converged(a, b);
    redis.hang();
    try {
      await a.keyboard.press('r');
      await drag(a, [500, 200], [620, 320]);
      await a.waitForFunction(() => window.__board?.canvas.status.mode === 'degraded');
      await shoot(a, 'redis-hangs');
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
