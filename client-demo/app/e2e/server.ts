import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const BINARY = resolve(process.env['COLLAB_BIN'] ?? join(import.meta.dirname, '../../../target/debug/collabcanvas'));
const START_MS = 20_000;

/** Below the ports that the system gives to outgoing connections: those could take a server's while it is away. */
const PORTS = { from: 20_000, count: 12_000 };

export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.from + Math.floor(Math.random() * PORTS.count);
    const probe = createServer().listen(port, '127.0.0.1');
    const isFree = await once(probe, 'listening').then(() => true, () => false);
    if (!isFree) continue;
    probe.close();
    await once(probe, 'close');
    return port;
  }
}

/** A server of our own, with a data directory that outlives its crashes. */
export class Server {
  private child: ChildProcess | undefined;

  private constructor(
    private readonly port: number,
    private readonly adminPort: number,
    private readonly directory: string,
    private readonly settings: Readonly<Record<string, string>>,
  ) {}

  /** A node on its own, or one of several whose `stores` are elsewhere. @param more settings besides */
  static async start(stores?: Readonly<Record<string, string>>, more?: Readonly<Record<string, string>>): Promise<Server> {
    const directory = await mkdtemp(join(tmpdir(), 'collabcanvas-e2e-'));
    const server = new Server(await freePort(), await freePort(), directory, { ...(stores ?? { COLLAB_DATA_DIR: directory }), ...more });
    await server.run();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Where its operator looks. */
  get adminUrl(): string {
    return `http://127.0.0.1:${this.adminPort}`;
  }

  private get environment(): NodeJS.ProcessEnv {
    return { ...process.env, COLLAB_LISTEN: `127.0.0.1:${this.port}`, COLLAB_ADMIN_LISTEN: `127.0.0.1:${this.adminPort}`, ...this.settings };
  }

  /** An access token, made as an operator makes one. @param rights as in `board=owner` */
  async token(user: string, rights: string, ttl = '1h'): Promise<string> {
    const { stdout } = await promisify(execFile)(BINARY, ['token', '--user', user, '--project', rights, '--ttl', ttl], { env: this.environment });
    return stdout.trim();
  }

  /** A number of the node's metrics, without labels; 0 for one that has not been there yet. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.adminUrl}/metrics`)).text();
    return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1] ?? 0);
  }

  /** Ready when it has printed its address. Starts again on the same port and data after `crash`. */
  async run(): Promise<void> {
    const child = spawn(BINARY, ['serve'], {
      env: this.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    const said: string[] = [];
    child.stderr.on('data', (data: Buffer) => said.push(data.toString()));
    await new Promise<void>((ready, fail) => {
      const why = (reason: string): Error => new Error(`${BINARY}: ${reason}\n${said.join('')}`);
      const timer = setTimeout(() => fail(why('not ready in time')), START_MS);
      child.once('error', (error) => fail(why(error.message)));
      child.once('exit', (code) => fail(why(`ended with ${code}`)));
      createInterface({ input: child.stdout }).on('line', (line) => {
        said.push(`${line}\n`);
        if (!line.includes(`127.0.0.1:${this.port}`)) return;
        clearTimeout(timer);
        ready();
      });
    });
  }

  /** kill -9: no goodbye, nothing flushed. */
  async crash(): Promise<void> {
    const child = this.child;
    this.child = undefined;
    if (!child || child.exitCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async stop(): Promise<void> {
    await this.crash();
    await rm(this.directory, { recursive: true, force: true });
  }
}
