/**
 * Performs what the connection's state machine decides: the only module that holds a WebSocket, its timer and the token request.
 *
 * Registering handlers happens once per socket, and every handler checks that its socket is still the current one, so
 * that a dropped socket can say nothing any more.
 */
import type { Frame } from './codec/frame.js';
import { Connection, type ConnectionEffect, type ConnectionInput, type ConnectionState } from './connection.js';
import { CanvasError } from './errors.js';
import type { Runtime } from './runtime.js';
import { credentialsOf, type Credentials, type TokenProvider } from './token.js';

export interface SocketOptions {
  readonly url: string;
  readonly subprotocol: string;
  readonly token: TokenProvider | undefined;
  readonly WebSocket: typeof WebSocket;
  readonly runtime: Runtime;
}

/** What the socket tells its owner. */
export interface SocketEvents {
  /** The socket is open: send `hello` with these. */
  hello(access: Credentials | undefined): void;
  /** The session goes on with these. */
  renew(access: Credentials): void;
  frame(frame: Uint8Array | string): void;
  ping(): void;
  lost(): void;
  newClientId(error: CanvasError): void;
  report(error: CanvasError): void;
  /** The connection's state may have changed. */
  changed(): void;
}

export class Socket {
  readonly #machine: Connection;
  #socket: WebSocket | undefined;
  /** What was sent on this socket last, or will be. */
  #access: Credentials | undefined;
  #cancelTimer: (() => void) | undefined;
  readonly #options: SocketOptions;
  readonly #events: SocketEvents;

  constructor(options: SocketOptions, events: SocketEvents) {
    this.#options = options;
    this.#events = events;
    this.#machine = new Connection({ random: options.runtime.random, hasToken: options.token !== undefined });
  }

  get state(): ConnectionState {
    return this.#machine.state;
  }

  /** Bytes that were sent and have not left yet. */
  get buffered(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Feeds the machine and performs what it asks for. */
  input(input: ConnectionInput): void {
    for (const effect of this.#machine.on(this.#options.runtime.now(), input)) this.#perform(effect);
    this.#schedule();
    this.#events.changed();
  }

  /** Sends a frame; does nothing when the socket is not open. */
  send(frame: Frame): void {
    if (this.#socket?.readyState === this.#options.WebSocket.OPEN) this.#socket.send(frame);
  }

  #perform(effect: ConnectionEffect): void {
    switch (effect.do) {
      case 'fetch_token':
        return this.#fetchToken(effect.isRefused);
      case 'open':
        return this.#open();
      case 'hello':
        return this.#events.hello(this.#access);
      case 'renew':
        return this.#access && this.#events.renew(this.#access);
      case 'drop':
        return this.#drop();
      case 'ping':
      case 'lost':
        return this.#events[effect.do]();
      case 'newClientId':
      case 'report':
        return this.#events[effect.do](effect.error);
    }
  }

  #fetchToken(isRefused: boolean): void {
    const { state } = this.#machine;
    // The machine may have moved on, even to another token request, before this one is answered.
    const isCurrent = (): boolean => this.#machine.state === state;
    Promise.resolve()
      .then(() => this.#options.token?.({ isRefused }))
      .then(credentialsOf)
      .then(
        (access) => {
          if (!isCurrent()) return;
          const isSame = access.token === this.#access?.token;
          this.#access = access;
          this.input({ on: 'token', isSame });
        },
        (cause: unknown) => {
          if (isCurrent()) this.input({ on: 'token_failed', cause });
        },
      );
  }

  #open(): void {
    let socket: WebSocket;
    try {
      socket = new this.#options.WebSocket(this.#options.url, this.#options.subprotocol);
    } catch (cause) {
      // Only a malformed address throws here, and it will not get better.
      this.#events.report(new CanvasError('invalid_options', `cannot open ${this.#options.url}`, { cause }));
      this.input({ on: 'close' });
      return;
    }
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    const isCurrent = (): boolean => this.#socket === socket;
    socket.onopen = () => isCurrent() && this.input({ on: 'opened' });
    socket.onclose = (event) => isCurrent() && this.input({ on: 'closed', code: event.code, reason: event.reason });
    socket.onmessage = (event: MessageEvent<unknown>) => {
      if (!isCurrent()) return;
      this.input({ on: 'heard' });
      this.#events.frame(typeof event.data === 'string' ? event.data : new Uint8Array(event.data as ArrayBuffer));
    };
    // An error is always followed by a close, which says more; Node's implementation wants a listener.
    socket.onerror = () => {};
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#access = undefined;
    socket?.close(1000);
  }

  #schedule(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const { deadline } = this.#machine;
    if (deadline === undefined) return;
    const wait = Math.max(0, deadline - this.#options.runtime.now());
    this.#cancelTimer = this.#options.runtime.timer(wait, () => this.input({ on: 'timer' }));
  }
}
