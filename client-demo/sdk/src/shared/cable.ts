/** One shared socket, or the place for one, and the clients that have a channel in it. Performs what the multiplexer decides. */
import { HEADER_BYTES, SHARED_PROTOCOL } from './codec.js';
import { Line, type LineOptions } from './line.js';
import { Multiplexer, type MultiplexerEffect, type MultiplexerInput } from './multiplexer.js';

/** One socket of a page, as the worker knows it. */
export interface Client {
  opened(protocol: string): void;
  message(isText: boolean, data: Uint8Array<ArrayBuffer>): void;
  sent(bytes: number): void;
  closed(code: number, reason: string): void;
}

/** What a cable tells of clients that it has no longer. */
export interface CableEvents {
  closed(client: Client, code: number, reason: string): void;
  /** It needs a socket of its own. `isTrial`: say `aloneWorked` when that is opened. */
  alone(client: Client, isTrial: boolean): void;
}

export class Cable {
  readonly #machine = new Multiplexer<Client>();
  #line: Line<Client> | undefined;
  #cancelTimer: (() => void) | undefined;
  readonly #url: string;
  readonly #options: LineOptions;
  readonly #events: CableEvents;

  constructor(url: string, options: LineOptions, events: CableEvents) {
    [this.#url, this.#options, this.#events] = [url, options, events];
  }

  /** Whether a new client had better use another one. */
  get isRetired(): boolean {
    return this.#machine.isRetired;
  }

  open(client: Client, project: string, protocols: readonly string[]): void {
    this.#input({ on: 'open', key: client, project, protocols });
  }

  /** @param frame the payload, with room for a header in front */
  send(client: Client, isText: boolean, frame: Uint8Array<ArrayBuffer>): void {
    this.#input({ on: 'send', key: client, isText, frame });
  }

  close(client: Client, code: number, reason: string): void {
    this.#input({ on: 'close', key: client, code, reason });
  }

  /** The client hears nothing any more. */
  gone(client: Client): void {
    this.#input({ on: 'gone', key: client });
  }

  aloneWorked(): void {
    this.#input({ on: 'alone_worked' });
  }

  #input(input: MultiplexerInput<Client>): void {
    for (const effect of this.#machine.on(this.#options.runtime.now(), input)) this.#perform(effect);
    this.#schedule();
  }

  #perform(effect: MultiplexerEffect<Client>): void {
    switch (effect.do) {
      case 'connect':
        return this.#connect();
      case 'disconnect':
        this.#line?.drop(effect.code);
        this.#line = undefined;
        return;
      case 'send':
        return this.#line?.send(effect.key, effect.frame, effect.frame.length, effect.frame.length - HEADER_BYTES);
      case 'opened':
        return effect.key.opened(effect.protocol);
      case 'message':
        return effect.key.message(effect.isText, effect.data);
      case 'closed':
        return this.#events.closed(effect.key, effect.code, effect.reason);
      case 'alone':
        return this.#events.alone(effect.key, effect.isTrial);
    }
  }

  #connect(): void {
    const line: Line<Client> = new Line<Client>(this.#url, [SHARED_PROTOCOL], this.#options, {
      opened: (protocol) => {
        // A server that chose another protocol does not know this one.
        if (protocol === SHARED_PROTOCOL) return this.#input({ on: 'connected' });
        line.drop(1000);
        this.#input({ on: 'ended', code: 1006, reason: '' });
      },
      message: (data) => this.#input({ on: 'frame', bytes: typeof data === 'string' ? undefined : data }),
      closed: (code, reason) => {
        this.#line = undefined;
        this.#input({ on: 'ended', code, reason });
      },
      sent: (client, bytes) => client.sent(bytes),
    });
    this.#line = line;
  }

  #schedule(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const { deadline } = this.#machine;
    if (deadline === undefined) return;
    const { runtime } = this.#options;
    this.#cancelTimer = runtime.timer(Math.max(0, deadline - runtime.now()), () => this.#input({ on: 'timer' }));
  }
}
