/** One WebSocket of the worker, and who has how much waiting in it. */
import type { Runtime } from '../runtime.js';
import { Outbox } from './outbox.js';

/** A socket does not say when bytes have left; it is asked this often while some wait. */
const ASK_MS = 10;
const OPEN = 1;

export interface LineEvents<Key> {
  opened(protocol: string): void;
  message(data: Uint8Array<ArrayBuffer> | string): void;
  /** The last event. It does not come after `drop`. */
  closed(code: number, reason: string): void;
  /** So many more bytes have left. */
  sent(key: Key, bytes: number): void;
}

/** What a line needs from its surroundings. */
export interface LineOptions {
  readonly WebSocket: typeof WebSocket;
  readonly runtime: Pick<Runtime, 'now' | 'timer'>;
}

export class Line<Key> {
  #socket: WebSocket | undefined;
  readonly #outbox = new Outbox<Key>();
  #cancelTimer: (() => void) | undefined;
  readonly #options: LineOptions;
  readonly #events: LineEvents<Key>;

  constructor(url: string, protocols: readonly string[], options: LineOptions, events: LineEvents<Key>) {
    [this.#options, this.#events] = [options, events];
    try {
      this.#socket = new options.WebSocket(url, [...protocols]);
    } catch {
      // A page would have been told at once, but the page is elsewhere.
      this.#cancelTimer = options.runtime.timer(0, () => events.closed(1006, ''));
      return;
    }
    this.#listen(this.#socket);
  }

  #listen(socket: WebSocket): void {
    socket.binaryType = 'arraybuffer';
    const isCurrent = (): boolean => this.#socket === socket;
    socket.onopen = () => isCurrent() && this.#events.opened(socket.protocol);
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
      if (isCurrent()) this.#events.message(typeof data === 'string' ? data : new Uint8Array(data));
    };
    socket.onclose = ({ code, reason }) => {
      if (!isCurrent()) return;
      this.#forget();
      this.#events.closed(code, reason);
    };
    socket.onerror = () => {};
  }

  /** @param size that its sender counts for it, in bytes */
  send(key: Key | undefined, data: Uint8Array<ArrayBuffer> | string, bytes: number, size: number): void {
    if (this.#socket?.readyState !== OPEN) return;
    this.#socket.send(data);
    this.#outbox.push(key, bytes, size);
    this.#askLater();
  }

  close(code: number, reason: string): void {
    this.#socket?.close(code, reason);
  }

  /** Closes it and hears nothing of it any more. */
  drop(code: number): void {
    const socket = this.#socket;
    this.#forget();
    socket?.close(code);
  }

  #forget(): void {
    this.#socket = undefined;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #askLater(): void {
    this.#cancelTimer ??= this.#options.runtime.timer(ASK_MS, () => {
      this.#cancelTimer = undefined;
      for (const [key, bytes] of this.#outbox.left(this.#socket?.bufferedAmount ?? 0)) this.#events.sent(key, bytes);
      if (!this.#outbox.isEmpty) this.#askLater();
    });
  }
}
