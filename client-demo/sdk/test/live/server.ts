/** A real server process for tests, with a data directory of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocket as NodeWebSocket } from 'ws';
import { connect, type Canvas, type CanvasOptions } from '../../src/index.js';

const BINARY = process.env['COLLAB_SERVER'] ?? fileURLToPath(new URL('../../../../target/debug/collabcanvas', import.meta.url));

export class LiveServer {
  private process: ChildProcess | undefined;
  private address = '127.0.0.1:0';
  private readonly data = mkdtempSync(join(tmpdir(), 'collab-live-'));
  private readonly copies: string[] = [];
  private readonly canvases: Canvas[] = [];

  /** Starts the process; a second time on the same port with the same data. */
  async start(): Promise<void> {
    const args = ['serve', '--listen', this.address, '--admin-listen', '127.0.0.1:0', '--data-dir', this.data, '--log', 'warn'];
    const child = spawn(BINARY, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.process = child;
    this.address = await new Promise<string>((resolve, reject) => {
      let text = '';
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        const found = /open http:\/\/(\S+)/.exec(text)?.[1];
        if (found !== undefined) resolve(found);
      });
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`the server ended with code ${code}: ${text}`)));
    });
  }

  /** Ends the process with a signal and waits until it is gone. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.process;
    if (child === undefined) return;
    this.process = undefined;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }

  /** Stops the server, copies its data, and starts it again. @returns where the copy is */
  async backup(): Promise<string> {
    await this.end('SIGTERM');
    const copy = mkdtempSync(join(tmpdir(), 'collab-copy-'));
    this.copies.push(copy);
    cpSync(this.data, copy, { recursive: true });
    await this.start();
    return copy;
  }

  /** Puts a copy in the place of the data; the server must have ended. */
  restore(copy: string): void {
    rmSync(this.data, { recursive: true, force: true });
    cpSync(copy, this.data, { recursive: true });
  }

  url(project: string): string {
    return `ws://${this.address}/v1/projects/${project}/ws`;
  }

  open(project: string, options: Partial<CanvasOptions> = {}): Canvas {
    const canvas = connect({
      url: this.url(project),
      WebSocket: NodeWebSocket as unknown as typeof WebSocket,
      ...options,
    });
    this.canvases.push(canvas);
    return canvas;
  }

  async dispose(): Promise<void> {
    await Promise.all(this.canvases.map((canvas) => canvas.close()));
    await this.end('SIGKILL');
    for (const path of [this.data, ...this.copies]) rmSync(path, { recursive: true, force: true });
  }
}
