/** A client that was written from PROTOCOL.md alone, in another language, beside the SDK: both edit one project, and agree. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Canvas } from '../../src/index.js';
import { LiveServer } from './server.js';

/** An interpreter that has what `examples/python/requirements.txt` names; `make integration` sets it up. */
const PYTHON = process.env['COLLAB_PYTHON'];
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

interface Seen {
  readonly pending: number;
  readonly seq: number | null;
  readonly objects: Record<string, [rev: number, props: Record<string, unknown>]>;
  readonly others: Record<string, Record<string, unknown>>;
  /** Chunks of snapshots that came compressed. */
  readonly inflated: number;
}

class PythonClient {
  private readonly process: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  /** What it has said on stderr. */
  said = '';

  constructor(url: string, name: string) {
    const env = { ...process.env, PYTHONPATH: here('../../../examples/python'), PYTHONDONTWRITEBYTECODE: '1', NO_PROXY: '127.0.0.1' };
    const child = spawn(PYTHON ?? 'python3', [here('python-client.py'), url, name], { env, stdio: ['pipe', 'pipe', 'pipe'] });
    child.stderr.on('data', (text: Buffer) => (this.said += text.toString()));
    this.process = child;
    this.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  batch(...ops: readonly object[]): void {
    this.tell({ batch: ops });
  }

  show(fields: Record<string, unknown>): void {
    this.tell({ show: fields });
  }

  async look(): Promise<Seen> {
    this.tell({ look: true });
    const line = await this.lines.next();
    if (line.done === true) throw new Error(`the Python client has ended: ${this.said}`);
    return JSON.parse(line.value) as Seen;
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    if (this.process.exitCode !== null) return;
    this.process.stdin?.end();
    await ended;
  }

  private tell(command: object): void {
    this.process.stdin?.write(`${JSON.stringify(command)}\n`);
  }
}

const server = new LiveServer();
const clients: PythonClient[] = [];
beforeAll(() => server.start());
afterAll(async () => {
  await Promise.all(clients.map((client) => client.end()));
  await server.dispose();
});

const open = (project: string): PythonClient => {
  const client = new PythonClient(server.url(project), 'Python');
  clients.push(client);
  return client;
};
const picture = (canvas: Canvas): Seen['objects'] =>
  Object.fromEntries([...canvas.objects.values()].map(({ id, rev, props }): [string, [number, Record<string, unknown>]] => [id, [rev, { ...props }]]));
const equal = async (canvas: Canvas, python: PythonClient): Promise<void> => {
  await canvas.whenSaved();
  await expect.poll(async () => (await python.look()).pending, { timeout: 20_000 }).toBe(0);
  await expect.poll(async () => (await python.look()).seq === canvas.position?.seq, { timeout: 10_000 }).toBe(true);
  expect((await python.look()).objects).toEqual(picture(canvas));
};

describe.skipIf(PYTHON === undefined)('the client in Python', () => {
  it('and the SDK edit one project; the server is killed once; nothing is lost, nothing doubled', async () => {
    const [canvas, python] = [server.open('python'), open('python')];
    const troubles: unknown[] = [];
    canvas.on('loss', (loss) => troubles.push(loss));
    canvas.on('rejected', (rejected) => troubles.push(rejected));
    await expect.poll(() => canvas.status).toMatchObject({ connection: 'online', synced: true });
    await canvas.batch((tx) => tx.create({ n: 0 }, 'counter')).saved;
    await expect.poll(async () => (await python.look()).seq).not.toBeNull();
    let ended: Promise<void> | undefined;
    for (let i = 0; i < 200; i += 1) {
      canvas.batch((tx) => tx.create({ by: 'sdk', i }, `s${i}`));
      canvas.batch((tx) => tx.increment('counter', 'n', 1));
      python.batch({ op: 'create', id: `p${i}`, props: { by: 'python', i, x: 0.5 } });
      python.batch({ op: 'increment', id: 'counter', prop: 'n', by: 1 }, { op: 'update', id: `p${i}`, set: { late: [true, null] }, unset: ['x'] });
      if (i === 100) ended = server.end('SIGKILL').then(() => server.start());
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
    await ended;
    await equal(canvas, python);
    expect(canvas.objects.size).toBe(401);
    expect(canvas.get('counter')?.props['n']).toBe(400);
    expect(canvas.get('p199')?.props).toEqual({ by: 'python', i: 199, late: [true, null] });
    expect(troubles).toEqual([]);
    expect(python.said).not.toContain('refused');
  });

  it('reads a compressed snapshot, goes on after a refusal, and sees who is there', async () => {
    const canvas = server.open('python-late', { presence: { name: 'Ana' } });
    canvas.batch((tx) => {
      for (let i = 0; i < 500; i += 1) tx.create({ type: 'note', i, text: 'again and again the same words' }, `n${i}`);
    });
    await canvas.whenSaved();
    // A server that has just read the project has no older state to send, with these edits behind it.
    await server.end('SIGTERM');
    await server.start();
    const python = open('python-late');
    await expect.poll(async () => Object.values((await python.look()).others), { timeout: 10_000 }).toMatchObject([{ name: 'Ana' }]);
    await expect.poll(async () => (await python.look()).inflated, { timeout: 10_000 }).toBeGreaterThan(0);
    python.batch({ op: 'create', id: 'n1', props: {} });
    python.batch({ op: 'delete', id: 'n0' });
    await equal(canvas, python);
    expect(python.said).toContain('refused: exists');
    expect(canvas.objects.size).toBe(499);
    python.show({ cursor: [3, 4] });
    await expect.poll(() => [...canvas.presence.others.values()].map(({ presence }) => presence)).toMatchObject([{ name: 'Python', cursor: [3, 4] }]);
    await python.end();
    await expect.poll(() => [...canvas.presence.others.values()].filter(({ attendance }) => attendance !== 'offline')).toEqual([]);
  });
});
