/** A world for tests of the whole client: a clock that is moved by hand, and sockets whose other end is the test. */
import { decodeValue, encodeValue } from '../src/codec/frame.js';
import { jsonFromMsgpack, msgpackFromJson } from '../src/codec/json.js';
import type { ClientMessage, ServerMessage, Welcome, WireObject } from '../src/protocol.js';
import type { PageEvents, Runtime } from '../src/runtime.js';
import { Random } from './random.js';

export class World implements Runtime {
  time = 1_760_000_000_000;
  page: PageEvents | undefined;
  readonly sockets: FakeSocket[] = [];
  private timers: { at: number; run: () => void }[] = [];
  private readonly rng = new Random(1);
  private ids = 0;

  now = (): number => this.time;
  random = (): number => this.rng.next();
  randomId = (count: number): string => `random${(this.ids += 1)}`.padEnd(count, '-');

  timer = (ms: number, run: () => void): (() => void) => {
    const timer = { at: this.time + ms, run };
    this.timers.push(timer);
    return () => void (this.timers = this.timers.filter((other) => other !== timer));
  };

  watchPage = (page: PageEvents): (() => void) => {
    this.page = page;
    return () => void (this.page = undefined);
  };

  /** Lets time pass, running what is due in its order. */
  pass(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const due = this.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.timers = this.timers.filter((timer) => timer !== due);
      this.time = Math.max(this.time, due.at);
      due.run();
    }
    this.time = end;
  }

  get timerCount(): number {
    return this.timers.length;
  }

  /** A `WebSocket` class whose sockets the test serves. */
  get WebSocket(): typeof WebSocket {
    const { sockets } = this;
    return class extends FakeSocket {
      constructor(url: string, protocol: string) {
        super(url, protocol);
        sockets.push(this);
      }
    } as unknown as typeof WebSocket;
  }

  /** The latest socket. */
  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error('nobody has connected');
    return socket;
  }

  /** Serves the latest socket up to an applied snapshot. */
  serve(more: Parameters<typeof welcome>[0] = {}, objects: WireObject[] = []): FakeSocket {
    const { socket } = this;
    socket.open();
    socket.say(welcome(more), { t: 'snapshot', n: 0, last: true, objects });
    return socket;
  }
}

export class FakeSocket {
  static readonly OPEN = 1;
  readyState = 0;
  bufferedAmount = 0;
  binaryType = 'blob';
  closedWith: number | undefined;
  readonly sent: ClientMessage[] = [];
  onopen: (() => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: (() => void) | null = null;

  constructor(
    readonly url: string,
    readonly protocol: string,
  ) {}

  // --- The client's end ---

  send(data: Uint8Array | string): void {
    this.sent.push(decodeValue(typeof data === 'string' ? msgpackFromJson(data) : data) as unknown as ClientMessage);
  }

  close(code: number): void {
    this.closedWith = code;
    this.readyState = 3;
  }

  // --- The test's end ---

  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  say(...messages: ServerMessage[]): void {
    for (const message of messages) {
      const bytes = encodeValue(message);
      this.raw(this.protocol.endsWith('json') ? jsonFromMsgpack(bytes) : bytes.buffer);
    }
  }

  raw(data: unknown): void {
    this.onmessage?.({ data });
  }

  drop(code: number, reason = ''): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }

  /** What has been sent since the last call. */
  take(): ClientMessage[] {
    return this.sent.splice(0);
  }
}

export const AUTHOR = 'me-author-1';

export function welcome(more: Partial<Welcome> = {}): Welcome {
  return {
    t: 'welcome', v: 1, features: [], session: 7, author: AUTHOR, user: 'u', role: 'editor', position: { epoch: 1, seq: 0, id: '' },
    saved_seq: 0, last: 0, saved: 0, sync: 'snapshot', mode: 'normal', now_ms: 0, heartbeat_ms: 10_000, timeout_ms: 25_000,
    limits: {
      frame_bytes: 1_048_576, batch_ops: 500, batch_bytes: 262_144, object_bytes: 262_144, objects: 50_000, project_bytes: 52_428_800,
      value_depth: 32, presence_bytes: 2_048, broadcast_bytes: 8_192, unacked_batches: 256, lease_ms: 60_000,
    },
    ...more,
  };
}
