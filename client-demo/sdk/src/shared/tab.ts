/** One page as the worker knows it: its sockets, and how much of their messages it has not taken in yet. */
import type { ToPage, ToWorker } from './messages.js';
import { placeOf } from './place.js';
import type { Client, Trunk } from './trunk.js';

/**
 * A socket whose page does not take in what was received, in bytes, is closed: the worker cannot hold back one channel of a shared socket, and must not
 * keep everything for a page that is frozen. Several times the largest snapshot; the page starts over when it is back.
 */
const MOST_UNREAD_BYTES = 64 * 1024 * 1024;
/** PROTOCOL §5: "slow", after which a client reconnects. */
const SLOW = 4412;

/** The worker's side of the port to a page. */
export interface TabOptions {
  post(message: ToPage, transfer?: ArrayBuffer[]): void;
  /** The server of a shared socket's address; undefined for sockets that cannot share one. */
  trunkOf(url: string | undefined): Trunk;
  /** Calls `gone` when the page that holds this lock is no more. */
  watch(lock: string, gone: () => void): void;
}

export class Tab {
  readonly #sockets = new Map<number, TabSocket>();
  readonly #options: TabOptions;

  constructor(options: TabOptions) {
    this.#options = options;
  }

  on(message: ToWorker): void {
    switch (message.t) {
      case 'hello':
        return this.#options.watch(message.lock, () => this.#gone());
      case 'open':
        return this.#open(message.id, message.url, message.protocols);
      case 'send':
        return this.#sockets.get(message.id)?.send(message.isText, new Uint8Array(message.frame));
      case 'close':
        return this.#sockets.get(message.id)?.close(message.code, message.reason);
      case 'read':
        return this.#sockets.get(message.id)?.read(message.bytes);
      case 'bye':
        return this.#gone();
    }
  }

  #open(id: number, url: string, protocols: readonly string[]): void {
    const { post, trunkOf } = this.#options;
    const socket = new TabSocket(id, trunkOf(placeOf(url)?.url), post, () => this.#sockets.delete(id));
    this.#sockets.set(id, socket);
    socket.open(url, protocols);
  }

  #gone(): void {
    for (const socket of this.#sockets.values()) socket.gone();
    this.#sockets.clear();
  }
}

class TabSocket implements Client {
  #unread = 0;

  constructor(
    private readonly id: number,
    private readonly trunk: Trunk,
    private readonly post: TabOptions['post'],
    private readonly ended: () => void,
  ) {}

  open(url: string, protocols: readonly string[]): void {
    this.trunk.open(this, { url, protocols });
  }

  send(isText: boolean, frame: Uint8Array<ArrayBuffer>): void {
    this.trunk.send(this, isText, frame);
  }

  close(code: number, reason: string): void {
    this.trunk.close(this, code, reason);
  }

  read(bytes: number): void {
    this.#unread -= bytes;
  }

  gone(): void {
    this.trunk.gone(this);
  }

  opened(protocol: string): void {
    this.post({ t: 'opened', id: this.id, protocol });
  }

  message(isText: boolean, data: Uint8Array<ArrayBuffer>): void {
    this.#unread += data.length;
    if (this.#unread > MOST_UNREAD_BYTES) {
      this.gone();
      return this.closed(SLOW, 'the page does not take in what it is sent');
    }
    // A part of a frame is copied out of it; what is a buffer of its own goes as it is.
    const { buffer } = data.byteLength === data.buffer.byteLength ? data : data.slice();
    this.post({ t: 'message', id: this.id, isText, data: buffer }, [buffer]);
  }

  sent(bytes: number): void {
    this.post({ t: 'sent', id: this.id, bytes });
  }

  closed(code: number, reason: string): void {
    this.ended();
    this.post({ t: 'closed', id: this.id, code, reason });
  }
}
