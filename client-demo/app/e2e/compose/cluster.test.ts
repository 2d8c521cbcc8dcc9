/** The cluster of docker-compose.yml: people, the balancer between them and the nodes, and what watches these. The tests build on each other. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { converged, DESKTOP, drag, launch, newProject, objectsOf, saved, synced } from '../browser';
import { count, lookAtOrigin, seesCursors } from '../eyes';
import { shoot } from '../shots';
import { marks, questions } from './board';
import { Compose, type NodeName } from './compose';
import { Prometheus } from './prometheus';

/** How many tabs it may take until each node has one. */
const TABS = 6;
/** A few scrapes, which are 10 s apart. */
const WAIT = { timeout: 90_000, interval: 1_000 };

let cluster: Compose;
let browser: Browser;
let prometheus: Prometheus;
let people: Readonly<Record<NodeName, Page>>;

beforeAll(async () => {
  cluster = await Compose.up();
  browser = await launch();
  prometheus = new Prometheus(await cluster.url('prometheus', 9090));
});

afterAll(async () => {
  await browser?.close();
  await cluster?.down();
});

/** Somebody follows the link that infra/README.md makes. */
async function come(url: string, project: string): Promise<Page> {
  const page = await (await browser.newContext(DESKTOP)).newPage();
  await page.goto(`${url}/?project=${project}&test=1#token=${await cluster.token('ana', `${project}=editor`)}`);
  await synced(page);
  return page;
}

/** A tab on each node. The balancer says who gets whom, so that there may be more tabs. */
async function oneOnEach(project: string): Promise<Readonly<Record<NodeName, Page>>> {
  const url = await cluster.url('haproxy', 8080);
  const found = new Map<NodeName, Page>();
  const had = new Map<NodeName, number>();
  for (let tabs = 1; tabs <= TABS && found.size < Compose.nodes.length; tabs += 1) {
    const page = await come(url, project);
    const sessions = (): Promise<number[]> => Promise.all(Compose.nodes.map((node) => cluster.metric(node, 'collab_sessions')));
    await expect.poll(async () => (await sessions()).reduce((a, b) => a + b), WAIT).toBe(tabs);
    for (const [i, number] of (await sessions()).entries()) {
      const node = Compose.nodes[i];
      if (node === undefined || number === (had.get(node) ?? 0)) continue;
      had.set(node, number);
      if (!found.has(node)) found.set(node, page);
    }
  }
  const [one, two] = [found.get('node-1'), found.get('node-2')];
  if (!one || !two) throw new Error(`${TABS} tabs came, and the balancer sent all of them to one node`);
  return { 'node-1': one, 'node-2': two };
}

async function rect(page: Page, [x, y]: readonly [number, number]): Promise<void> {
  await page.keyboard.press('Escape');
  await page.keyboard.press('r');
  await drag(page, [x, y], [x + 100, y + 100]);
}

describe('the cluster', () => {
  it('has two people on two nodes who draw on one board', async () => {
    people = await oneOnEach(newProject());
    const [a, b] = Object.values(people) as [Page, Page];
    await lookAtOrigin(a, b);
    await rect(a, [300, 200]);
    await rect(b, [500, 200]);
    await Promise.all([count(a, 2), count(b, 2)]);
    await Promise.all([saved(a), saved(b)]);
    await converged(a, b);
    await a.mouse.move(400, 500, { steps: 20 });
    await seesCursors(b, 1);
  });

  it('is watched: Prometheus reaches both nodes, and its rules work', async () => {
    await expect.poll(() => prometheus.targets(), WAIT).toEqual(Compose.nodes.map((node) => ({ instance: `${node}:9464`, health: 'up' })));
    await expect.poll(async () => new Set((await prometheus.rules()).map(({ health }) => health)), WAIT).toEqual(new Set(['ok']));
    expect(await prometheus.rules()).not.toHaveLength(0);
    expect(await prometheus.query('ALERTS{alertstate="firing"}')).toEqual([]);
  });

  // Counters begin at zero, and of each thing that takes time something has happened: no panel may be empty.
  it('answers each question of the board with data', async () => {
    const asked = questions();
    expect(asked.length).toBeGreaterThan(80);
    const unanswered = async (): Promise<string[]> => {
      const answers = await Promise.all(asked.map(async ({ panel, query }) => ({ panel, query, samples: await prometheus.query(query) })));
      const empty = answers.filter(({ samples }) => !samples.some(({ value }) => Number.isFinite(value)));
      return empty.map(({ panel, query }) => `${panel}: ${query}`);
    };
    await expect.poll(unanswered, WAIT).toEqual([]);
  });

  it('shows the board in Grafana', async ({ skip }) => {
    if (!cluster.hasGrafana) {
      console.error('SKIPPED: the board is not looked at: the image of Grafana cannot be had.');
      skip();
    }
    const page = await (await browser.newContext(DESKTOP)).newPage();
    await page.goto(`${await cluster.url('grafana', 3000)}/d/collabcanvas`);
    await page.getByText('Oldest unsaved').first().waitFor();
    await shoot(page, 'grafana');
    await page.close();
  });

  it('loses a node, and nothing else: its tab goes on with the other', async () => {
    const [gone, stays] = ['node-1', 'node-2'] as const;
    const [a, b] = [people[gone], people[stays]];
    await rect(a, [300, 400]);
    await cluster.kill(gone);
    await rect(a, [500, 400]);
    await rect(b, [700, 400]);
    await Promise.all([count(a, 5), count(b, 5)]);
    await Promise.all([saved(a), saved(b)]);
    await converged(a, b);
    expect(await objectsOf(b)).toHaveLength(5);
    await expect.poll(() => prometheus.query('up{job="collabcanvas"} == 0'), WAIT).toMatchObject([{ labels: { instance: `${gone}:9464` } }]);
  });

  it('gets it back', async () => {
    await cluster.start('node-1');
    await expect.poll(() => prometheus.query('sum(collab_ready)'), WAIT).toMatchObject([{ value: 2 }]);
    for (const mark of marks()) await expect.poll(() => prometheus.query(mark), WAIT).toMatchObject([{ labels: { instance: 'node-1:9464' } }]);
    const page = await come(await cluster.url('haproxy', 8080), newProject());
    await expect.poll(() => cluster.metric('node-1', 'collab_sessions'), WAIT).toBe(1);
    await page.context().close();
  });
});
