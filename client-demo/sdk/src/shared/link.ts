/**
 * This page's link with the worker that it shares with others: starts it, tells its sockets what it says, and notices when it is gone. The worker notices
 * by the same means when this page is: each holds a lock that the other waits for, which the browser lets go of however a page or a worker ends.
 */
import { WORKER_NAME, type ToPage, type ToWorker } from './messages.js';

/** A worker that has not said anything by then is not waited for. */
const HELLO_MS = 5_000;
/** How long no other worker is tried then. One that fails at once costs nothing, and is tried again: its script may just have had no network. */
const SLOW_MS = 60_000;

/** A socket of this page that uses the link. */
export interface LinkedSocket {
  opened(protocol: string): void;
  message(isText: boolean, data: ArrayBuffer): void;
  sent(bytes: number): void;
  closed(code: number, reason: string): void;
  /** There is no worker: use a socket of one's own. */
  alone(): void;
}

let current: Link | undefined;
let slowAt = -Infinity;

/** The link of this page. @returns undefined when there can be none */
export function linkOfPage(): Link | undefined {
  if (current === undefined && performance.now() - slowAt >= SLOW_MS) current = Link.start();
  return current;
}

export class Link {
  readonly #port: MessagePort;
  readonly #sockets = new Map<number, LinkedSocket>();
  #lastId = 0;
  /** What is said once the worker knows our lock, so that it never serves a page whose end it would not notice; undefined from then on. */
  #waiting: ToWorker[] | undefined = [];
  #isUp = false;
  #release: () => void = () => undefined;
  readonly #life = new AbortController();

  private constructor(worker: SharedWorker) {
    this.#port = worker.port;
    worker.onerror = () => this.#isUp || this.#fail();
    this.#port.onmessage = ({ data }: MessageEvent<ToPage>) => this.#on(data);
    const timer = setTimeout(() => {
      if (this.#isUp) return;
      slowAt = performance.now();
      this.#fail();
    }, HELLO_MS);
    const { signal } = this.#life;
    signal.addEventListener('abort', () => clearTimeout(timer));
    addEventListener('pagehide', () => this.#hide(), { signal });
    this.#hold().catch(() => this.#fail());
  }

  static start(): Link | undefined {
    try {
      return new Link(new SharedWorker(new URL('./worker.js', import.meta.url), { type: 'module', name: WORKER_NAME }));
    } catch {
      // A page may be forbidden to, for example because the script is of another origin.
      return undefined;
    }
  }

  /** @returns a number by which the socket is meant from now on */
  open(socket: LinkedSocket, url: string, protocols: readonly string[]): number {
    this.#lastId += 1;
    this.#sockets.set(this.#lastId, socket);
    this.post({ t: 'open', id: this.#lastId, url, protocols });
    return this.#lastId;
  }

  post(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    // Nothing with a transfer is sent before a socket is open, thus never before the lock is held.
    if (this.#waiting === undefined) this.#port.postMessage(message, transfer);
    else this.#waiting.push(message);
  }

  async #hold(): Promise<void> {
    const lock = `collabcanvas tab ${crypto.randomUUID()}`;
    await navigator.locks.request(lock, () => {
      if (this.#life.signal.aborted) return undefined;
      const waiting = this.#waiting ?? [];
      this.#waiting = undefined;
      for (const message of [{ t: 'hello', lock } as const, ...waiting]) this.post(message);
      return new Promise<void>((release) => (this.#release = release));
    });
  }

  #on(message: ToPage): void {
    if (this.#life.signal.aborted) return;
    if (message.t === 'hello') return this.#hello(message.lock);
    const socket = this.#sockets.get(message.id);
    switch (message.t) {
      case 'opened':
        return socket?.opened(message.protocol);
      case 'message':
        return socket?.message(message.isText, message.data);
      case 'sent':
        return socket?.sent(message.bytes);
      case 'closed':
        this.#sockets.delete(message.id);
        return socket?.closed(message.code, message.reason);
    }
  }

  #hello(lock: string): void {
    this.#isUp = true;
    const { signal } = this.#life;
    // Let go of at once: other pages wait for it, too.
    navigator.locks.request(lock, { signal }, () => this.#lost()).catch(() => undefined);
  }

  /** There is no worker, and there was none. */
  #fail(): void {
    if (this.#life.signal.aborted) return;
    for (const socket of this.#leave()) socket.alone();
  }

  /** The worker is gone; the next socket starts another. */
  #lost(): void {
    for (const socket of this.#leave()) socket.closed(1006, '');
  }

  /** The page goes away, perhaps to come back as it was. It keeps no lock meanwhile, and nobody is present in it. */
  #hide(): void {
    const sockets = this.#leave();
    addEventListener('pageshow', () => sockets.forEach((socket) => socket.closed(1006, '')), { once: true });
  }

  /** @returns the sockets, which are not the link's any more */
  #leave(): LinkedSocket[] {
    this.#life.abort();
    if (current === this) current = undefined;
    this.post({ t: 'bye' });
    this.#release();
    const sockets = [...this.#sockets.values()];
    this.#sockets.clear();
    return sockets;
  }
}
