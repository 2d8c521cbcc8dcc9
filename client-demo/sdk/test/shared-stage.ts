/** Pages, a worker and a server in one process: what the shared socket needs of a browser, under a test's hand. */
import { vi } from 'vitest';
import { address, closeFrame, frameAround, readFrame, SHARED_PROTOCOL, textOf, utf8 } from '../src/shared/codec.js';
import type { ToPage, ToWorker } from '../src/shared/messages.js';
import type { SharedSocket } from '../src/shared/socket.js';
import { Tab } from '../src/shared/tab.js';
import { Trunk } from '../src/shared/trunk.js';

/** Exclusive locks, and ends of their holders. */
export class Locks {
  private readonly queues = new Map<string, (() => Promise<unknown> | undefined)[]>();

  request = (name: string, ...rest: unknown[]): Promise<void> => {
    const run = rest.pop() as () => Promise<unknown> | undefined;
    const { signal } = (rest[0] ?? {}) as { signal?: AbortSignal };
    return new Promise((resolve, reject) => {
      const queue = this.queues.get(name) ?? [];
      this.queues.set(name, queue);
      const entry = (): Promise<unknown> | undefined => run();
      signal?.addEventListener('abort', () => {
        if (queue.indexOf(entry) > 0) queue.splice(queue.indexOf(entry), 1);
        reject(new Error('aborted'));
      });
      queue.push(entry);
      if (queue.length === 1) this.grant(name);
      resolve();
    });
  };

  /** The holder's page or worker is killed. */
  release(name: string): void {
    this.queues.get(name)?.shift();
    this.grant(name);
  }

  names(part: string): string[] {
    return [...this.queues].filter(([name, queue]) => name.includes(part) && queue.length > 0).map(([name]) => name);
  }

  private grant(name: string): void {
    const first = this.queues.get(name)?.[0];
    if (first === undefined) return;
    const isStill = (): boolean => this.queues.get(name)?.[0] === first;
    void Promise.resolve().then(first).then(() => isStill() && this.release(name));
  }
}

/** The server's end: sends back what it hears, in each channel or on the socket itself. */
export class FakeWebSocket {
  static all: FakeWebSocket[] = [];
  /** Addresses that cannot be opened. */
  static refuse: (url: string) => boolean = () => false;
  readyState = 0;
  protocol = '';
  bufferedAmount = 0;
  binaryType = '';
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: ArrayBuffer | string }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly heard: string[] = [];

  constructor(readonly url: string, protocols: string | string[]) {
    FakeWebSocket.all.push(this);
    queueMicrotask(() => {
      if (FakeWebSocket.refuse(url)) return this.end(1006);
      this.readyState = 1;
      this.protocol = [protocols].flat()[0] ?? '';
      this.onopen?.();
    });
  }

  send(data: Uint8Array<ArrayBuffer> | string): void {
    const bytes = typeof data === 'string' ? utf8(data) : data.slice();
    if (this.protocol !== SHARED_PROTOCOL) {
      this.heard.push(textOf(bytes));
      return this.say(typeof data === 'string' ? data : bytes);
    }
    const { kind, channel, payload } = readFrame(bytes) ?? { kind: '?', channel: 0, payload: bytes };
    this.heard.push(`${kind}${channel} ${kind === 'c' ? new DataView(payload.slice().buffer).getUint16(0) : textOf(payload)}`);
    if (kind === 'o') this.say(address(frameAround(utf8(textOf(payload).split(/[ ,]/)[1] ?? '')), 'o', channel));
    else if (kind === 'c') this.say(closeFrame(channel, 1000, 'bye'));
    else this.say(bytes);
  }

  say(data: Uint8Array<ArrayBuffer> | string): void {
    queueMicrotask(() => this.readyState === 1 && this.onmessage?.({ data: typeof data === 'string' ? data : data.slice().buffer }));
  }

  close(code: number): void {
    if (this.readyState >= 2) return;
    this.readyState = 2;
    queueMicrotask(() => this.end(code));
  }

  end(code: number): void {
    this.readyState = 3;
    this.onclose?.({ code, reason: '' });
  }
}

/** What stands for a browser. Each page is a copy of the modules. */
export class Stage {
  readonly locks = new Locks();
  readonly page = new EventTarget();
  readonly workerLock = { name: '', number: 0 };
  /** `broken`: its script cannot be had. `mute`: it never says anything. */
  worker: 'good' | 'broken' | 'mute' = 'good';
  private trunks = new Map<string | undefined, Trunk>();
  private readonly ports: MessagePort[] = [];

  constructor() {
    FakeWebSocket.all = [];
    FakeWebSocket.refuse = () => false;
    const startWorker = (worker: { onerror: (() => void) | null }, port: MessagePort): void => this.start(worker, port);
    vi.stubGlobal('WebSocket', FakeWebSocket);
    vi.stubGlobal('location', { href: 'http://h/page' });
    vi.stubGlobal('navigator', { locks: this.locks });
    vi.stubGlobal('addEventListener', this.page.addEventListener.bind(this.page));
    vi.stubGlobal('SharedWorker', class {
      readonly port: MessagePort;
      onerror: (() => void) | null = null;
      constructor() {
        const { port1, port2 } = new MessageChannel();
        this.port = port1;
        startWorker(this, port2);
      }
    });
  }

  private start(worker: { onerror: (() => void) | null }, port: MessagePort): void {
    this.ports.push(port);
    if (this.worker === 'broken') setTimeout(() => worker.onerror?.());
    if (this.worker !== 'good') return;
    if (this.workerLock.name === '') {
      this.workerLock.name = `worker ${(this.workerLock.number += 1)}`;
      void this.locks.request(this.workerLock.name, () => new Promise(() => undefined));
    }
    const post = (message: ToPage, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);
    const options = { WebSocket: FakeWebSocket as unknown as typeof WebSocket, runtime: { now: () => Date.now(), timer: later } };
    const trunkOf = (url: string | undefined): Trunk => {
      const trunk = this.trunks.get(url) ?? new Trunk(url, options);
      this.trunks.set(url, trunk);
      return trunk;
    };
    const tab = new Tab({ post, trunkOf, watch: (name, gone) => void this.locks.request(name, gone) });
    port.onmessage = ({ data }: MessageEvent<ToWorker>) => tab.on(data);
    post({ t: 'hello', lock: this.workerLock.name });
  }

  /** As when its process is killed. */
  killWorker(): void {
    for (const port of this.ports.splice(0)) port.close();
    this.locks.release(this.workerLock.name);
    this.workerLock.name = '';
    this.trunks = new Map();
  }

  /** A page of its own. */
  async open(): Promise<typeof SharedSocket> {
    vi.resetModules();
    return (await import('../src/shared/socket.js')).SharedSocket;
  }

  clear(): void {
    for (const port of this.ports) port.close();
    vi.unstubAllGlobals();
  }
}

function later(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}
