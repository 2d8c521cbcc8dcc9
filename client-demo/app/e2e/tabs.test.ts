/** Tabs of one browser that share one connection: `?tabs=shared`. */
import { createServer, request, type Server as Proxy } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { BrowserContext, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { contents, converged, crash, DESKTOP, drag, leave, newProject, objectsOf, saved, synced } from './browser';
import { count } from './eyes';
import { freePort } from './server';
import { stage } from './stage';

const here = stage();

/** WebSockets that pages have opened themselves: the worker's are not among them. */
const own = new WeakMap<Page, string[]>();

/** A tab beside the others of its browser. */
async function tab(context: BrowserContext, project: string, url = here.server.url): Promise<Page> {
  const page = await context.newPage();
  const sockets: string[] = [];
  own.set(page, sockets);
  page.on('websocket', (socket) => sockets.push(socket.url()));
  await page.goto(`${url}/?project=${project}&tabs=shared&test=1`);
  await synced(page);
  return page;
}

async function draw(page: Page, x: number, y = 200): Promise<void> {
  await page.bringToFront();
  await page.keyboard.press('r');
  await drag(page, [x, y], [x + 80, y + 60], 3);
}

const sees = (page: Page, others: number): Promise<unknown> =>
  page.waitForFunction((n) => window.__board?.canvas.presence.others.size === n, others);

/** Waits until the server counts so many. */
async function counts(sharedSockets: number, sessions: number): Promise<void> {
  const counted = (): Promise<number[]> => Promise.all([here.server.metric('collab_shared_sockets'), here.server.metric('collab_sessions')]);
  await expect.poll(counted, { timeout: 30_000, interval: 100 }).toEqual([sharedSockets, sessions]);
}

/** What stands before the server and lets through all but the shared socket. */
class Gate {
  asked = 0;

  private constructor(
    private readonly proxy: Proxy,
    readonly url: string,
    private readonly sockets: Set<Socket>,
  ) {}

  static async open(target: string): Promise<Gate> {
    const { port } = new URL(target);
    const sockets = new Set<Socket>();
    const proxy = createServer((asked, answer) => {
      const { method, url: path, headers } = asked;
      const passed = request({ host: '127.0.0.1', port, method, path, headers }, (got) => {
        answer.writeHead(got.statusCode ?? 502, got.headers);
        got.pipe(answer);
      });
      passed.on('error', () => answer.destroy());
      asked.pipe(passed);
    });
    const own = await freePort();
    const gate = new Gate(proxy, `http://127.0.0.1:${own}`, sockets);
    proxy.on('connection', (socket: Socket) => sockets.add(socket));
    proxy.on('upgrade', ({ url: path, rawHeaders }, socket: Socket) => {
      if (path === '/v1/shared') {
        gate.asked += 1;
        socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
        return;
      }
      const headers = rawHeaders.map((text, i) => (i % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join('');
      const upstream = connect(Number(port), '127.0.0.1', () => upstream.write(`GET ${path} HTTP/1.1\r\n${headers}\r\n`));
      sockets.add(upstream);
      socket.pipe(upstream).pipe(socket);
      for (const [one, other] of [[socket, upstream], [upstream, socket]] as const) one.on('error', () => other.destroy());
    });
    await new Promise<void>((ready) => proxy.listen(own, '127.0.0.1', ready));
    expect((proxy.address() as AddressInfo).port).toBe(own);
    return gate;
  }

  close(): void {
    this.proxy.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

describe('tabs of one browser', () => {
  it('have one connection, each a session of its own', async () => {
    const [project, context] = [newProject(), await here.browser.newContext(DESKTOP)];
    const [a, b] = [await tab(context, project), await tab(context, project)];
    await counts(1, 2);
    await Promise.all([sees(a, 1), sees(b, 1)]);
    await draw(a, 300);
    await draw(b, 500);
    await count(a, 2);
    await converged(a, b);
    await a.bringToFront();
    await a.keyboard.press('Control+z');
    await count(b, 1);
    expect((await objectsOf(b)).map(({ x }) => Math.round(x))).toEqual((await objectsOf(a)).map(({ x }) => Math.round(x)));
    await a.mouse.move(700, 500);
    await a.mouse.move(720, 520);
    await b.waitForFunction(() => {
      const presence = window.__board?.canvas.presence;
      return [...(presence?.others.keys() ?? [])].some((who) => presence?.cursor(who));
    });
    expect([own.get(a), own.get(b)]).toEqual([[], []]);
    await counts(1, 2);
    await leave(a);
    await counts(0, 0);
  });

  it('may have several projects', async () => {
    const [projects, context] = [[newProject(), newProject(), newProject()], await here.browser.newContext(DESKTOP)];
    const pages: [Page, Page][] = [];
    for (const project of projects) pages.push([await tab(context, project), await tab(context, project)]);
    await counts(1, 6);
    for (const [i, [a, b]] of pages.entries()) {
      for (let n = 0; n <= i; n += 1) await draw(n % 2 === 0 ? a : b, 300 + n * 120);
    }
    for (const [i, [a, b]] of pages.entries()) {
      await Promise.all([count(a, i + 1), count(b, i + 1), sees(a, 1), sees(b, 1)]);
      await converged(a, b);
    }
    await leave(pages[0]?.[0] as Page);
    await counts(0, 0);
  });

  it('go one by one: a closed and a crashed one are no longer present, the others go on', async () => {
    const [project, context] = [newProject(), await here.browser.newContext(DESKTOP)];
    const [a, b, c] = [await tab(context, project), await tab(context, project), await tab(context, project)];
    const leaves = (others: number): Promise<unknown> =>
      a.waitForFunction((n) => {
        const there = [...(window.__board?.canvas.presence.others.values() ?? [])].filter(({ attendance }) => attendance !== 'offline');
        return there.length === n;
      }, others);
    await leaves(2);
    await c.close();
    await leaves(1);
    await counts(1, 2);
    await crash(b);
    await leaves(0);
    await counts(1, 1);
    await draw(a, 300);
    await saved(a);
    await b.close();
    // What comes after is served by the same worker.
    const d = await tab(context, project);
    await counts(1, 2);
    await converged(a, d);
    expect(await objectsOf(d)).toHaveLength(1);
    await leave(a);
  });

  it('come back after a reload, and after another page', async () => {
    const [project, context] = [newProject(), await here.browser.newContext(DESKTOP)];
    const [a, b] = [await tab(context, project), await tab(context, project)];
    await a.reload();
    await synced(a);
    await a.goto('about:blank');
    await counts(1, 1);
    await a.goBack();
    await synced(a);
    await draw(a, 300);
    await count(b, 1);
    await counts(1, 2);
    await leave(a);
  });

  it('lose nothing when the server is killed', async () => {
    const [project, context] = [newProject(), await here.browser.newContext(DESKTOP)];
    const [a, b] = [await tab(context, project), await tab(context, project)];
    await draw(a, 300);
    await Promise.all([saved(a), saved(b)]);
    await here.server.crash();
    await draw(a, 300, 400);
    await draw(b, 500, 400);
    await here.server.run();
    await Promise.all([saved(a), saved(b)]);
    await Promise.all([count(a, 3), count(b, 3), sees(a, 1), sees(b, 1)]);
    await converged(a, b);
    await leave(a);
  });

  it('find another worker when theirs dies', async () => {
    const [project, context] = [newProject(), await here.browser.newContext(DESKTOP)];
    const [a, b] = [await tab(context, project), await tab(context, project)];
    const session = await here.browser.newBrowserCDPSession();
    const { targetInfos } = await session.send('Target.getTargets');
    const workers = targetInfos.filter(({ type, url }) => type === 'shared_worker' && url.startsWith(here.server.url));
    expect(workers).toHaveLength(1);
    const opened = await here.server.metric('collab_sessions_opened_total');
    await session.send('Target.closeTarget', { targetId: workers[0]?.targetId ?? '' });
    await expect.poll(() => here.server.metric('collab_sessions_opened_total'), { timeout: 30_000 }).toBeGreaterThanOrEqual(opened + 2);
    await counts(1, 2);
    await draw(a, 300);
    await draw(b, 500);
    await count(a, 2);
    await converged(a, b);
    await leave(a);
  });

  it('keep to it when a project is made', async () => {
    const page = await (await here.browser.newContext(DESKTOP)).newPage();
    await page.goto(`${here.server.url}/?tabs=shared&test=1`);
    await synced(page);
    expect(new URL(page.url()).searchParams.get('tabs')).toBe('shared');
    expect(new URL(page.url()).searchParams.get('project')).not.toBeNull();
    await counts(1, 1);
    await leave(page);
  });
});

describe('where nothing can be shared', () => {
  it('a browser without shared workers goes its own way, beside one that has them', async () => {
    const project = newProject();
    const [poor, rich] = [await here.browser.newContext(DESKTOP), await here.browser.newContext(DESKTOP)];
    await poor.addInitScript(() => void delete (window as { SharedWorker?: unknown }).SharedWorker);
    const [a, b, c] = [await tab(poor, project), await tab(poor, project), await tab(rich, project)];
    await counts(1, 3);
    expect([own.get(a)?.length, own.get(b)?.length, own.get(c)?.length]).toEqual([1, 1, 0]);
    for (const [i, page] of [a, b, c].entries()) await draw(page, 300 + i * 120);
    await Promise.all([count(a, 3), count(b, 3), count(c, 3)]);
    await converged(a, b, c);
    await leave(a, c);
  });

  it('a server behind something that refuses it is reached by a socket for each, and not asked again and again', async () => {
    const gate = await Gate.open(here.server.url);
    try {
      const [project, context] = [newProject(), await here.browser.newContext(DESKTOP)];
      const [a, b] = [await tab(context, project, gate.url), await tab(context, project, gate.url)];
      await counts(0, 2);
      expect(gate.asked).toBe(1);
      await draw(a, 300);
      await draw(b, 500);
      await count(a, 2);
      expect(await converged(a, b)).toBe(await contents(a));
      await crash(b);
      await counts(0, 1);
      await b.close();
      await leave(a);
    } finally {
      gate.close();
    }
  });
});
