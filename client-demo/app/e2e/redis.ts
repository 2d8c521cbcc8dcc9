import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from './server';

const START_MS = 20_000;

/** A redis-server of our own. */
export class Redis {
  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
    readonly directory: string,
  ) {}

  static async start(): Promise<Redis> {
    const [port, directory] = [await freePort(), await mkdtemp(join(tmpdir(), 'collabcanvas-redis-'))];
    const child = spawn('redis-server', ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise<void>((ready, fail) => {
      const timer = setTimeout(() => fail(new Error('redis-server is not ready in time')), START_MS);
      child.once('error', (error) => fail(new Error(`redis-server cannot be started: ${error.message}; install it`)));
      child.once('exit', (code) => fail(new Error(`redis-server ended with ${code}`)));
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (!line.includes('Ready to accept connections')) return;
        clearTimeout(timer);
        ready();
      });
    });
    return new Redis(child, port, directory);
  }

  /** It hangs: connections stay, nothing is answered. */
  hang(): void {
    this.child.kill('SIGSTOP');
  }

  goOn(): void {
    this.child.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    this.child.kill('SIGKILL');
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
    await rm(this.directory, { recursive: true, force: true });
  }
}
