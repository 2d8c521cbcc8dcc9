/**
 * The life of a shared socket and its channels, as a pure state machine: inputs with a time go in, effects come out.
 *
 * Owns when the shared socket is opened and closed, which channel is whose, and what a channel hears when the socket ends. Never touches a socket or a
 * timer; `cable.ts` performs the effects. A `Key` stands for one socket of a page. `deadline` says when a `timer` input is wanted next.
 */
import { closeRule } from '../close.js';
import { address, closeFrame, HEADER_BYTES, openFrame, readClose, readFrame, textOf, type SharedFrame } from './codec.js';

/** A shared socket that takes longer to open is given up, so early that the page still has time for one of its own. */
const OPEN_MS = 4_000;
/** How long the server may owe an answer. When it lets a channel wait to be opened and says nothing at all meanwhile, the connection is dead. */
const ANSWER_MS = 3_000;
/** How long the socket stays for a next channel. The server closes one without channels after 5 s. */
const IDLE_MS = 1_000;
/** Channels that a server takes on one socket (PROTOCOL §11). */
const MOST_CHANNELS = 64;
/**
 * A larger message ends the session that sends it, with 1009 (PROTOCOL §8 `frame_bytes`). On a shared socket it would end all, so it does not get that far.
 */
const MOST_BYTES = 1024 * 1024;
const TOO_LARGE = 1009;
const GOING_AWAY = 1001;
/** How long an address is taken to have no shared socket. */
const REFUSED_MS = 60_000;
/** Codes of a WebSocket by which one side says that it cannot read the other. */
const UNREADABLE: ReadonlySet<number> = new Set([1002, 1003, 1007, 1008, 1010]);
const BROKEN = 1006;
/** The node stops (PROTOCOL §11). It still serves the channels that are open, and takes no others. */
const RESTART = 1012;

export type MultiplexerInput<Key> =
  | { readonly on: 'open'; readonly key: Key; readonly project: string; readonly protocols: readonly string[] }
  /** `frame` has room for a header. */
  | { readonly on: 'send'; readonly key: Key; readonly isText: boolean; readonly frame: Uint8Array<ArrayBuffer> }
  | { readonly on: 'close'; readonly key: Key; readonly code: number; readonly reason: string }
  /** Nobody is left to hear anything. */
  | { readonly on: 'gone'; readonly key: Key }
  | { readonly on: 'connected' }
  | { readonly on: 'frame'; readonly bytes: Uint8Array<ArrayBuffer> | undefined }
  | { readonly on: 'ended'; readonly code: number; readonly reason: string }
  /** A socket of its own, tried because the shared one failed, was opened: it is not the server that is away. */
  | { readonly on: 'alone_worked' }
  | { readonly on: 'timer' };

export type MultiplexerEffect<Key> =
  | { readonly do: 'connect' }
  /** Close the shared socket, and ignore whatever it still says. */
  | { readonly do: 'disconnect'; readonly code: number }
  /** `key` is undefined for what nobody waits for. */
  | { readonly do: 'send'; readonly key: Key | undefined; readonly frame: Uint8Array<ArrayBuffer> }
  | { readonly do: 'opened'; readonly key: Key; readonly protocol: string }
  | { readonly do: 'message'; readonly key: Key; readonly isText: boolean; readonly data: Uint8Array<ArrayBuffer> }
  | { readonly do: 'closed'; readonly key: Key; readonly code: number; readonly reason: string }
  /** Give it a socket of its own; from now on it is none of the multiplexer's. `isTrial`: say `alone_worked` when that opens. */
  | { readonly do: 'alone'; readonly key: Key; readonly isTrial: boolean };

interface Channel<Key> {
  readonly number: number;
  /** Undefined when its page is gone. */
  key: Key | undefined;
  readonly project: string;
  readonly protocols: readonly string[];
  /** `waiting`: the server knows nothing of it yet. */
  state: 'waiting' | 'opening' | 'open' | 'closing';
  /** Since when the server owes an answer. */
  askedAt: number | undefined;
}

export class Multiplexer<Key> {
  #socket: 'none' | 'opening' | 'open' = 'none';
  readonly #channels = new Map<number, Channel<Key>>();
  readonly #byKey = new Map<Key, Channel<Key>>();
  /** Never used twice on a socket, so that an answer that comes too late is nobody's. */
  #lastNumber = 0;
  #openBy = 0;
  #idleAt = 0;
  #heardAt = 0;
  /** Whether the server has said anything on this socket. */
  #isProven = false;
  #refusedUntil = -Infinity;
  #isRetired = false;

  /** The other end takes no more channels on this socket; another socket may lead elsewhere. */
  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** When the machine wants a `timer` input; undefined for never. */
  get deadline(): number | undefined {
    if (this.#socket === 'none') return undefined;
    if (this.#channels.size === 0) return this.#idleAt;
    if (this.#socket === 'opening') return this.#openBy;
    const asked = Math.min(...[...this.#channels.values()].map(({ askedAt }) => askedAt ?? Infinity));
    return asked === Infinity ? undefined : asked + ANSWER_MS;
  }

  on(now: number, input: MultiplexerInput<Key>): MultiplexerEffect<Key>[] {
    switch (input.on) {
      case 'open':
        return this.#open(now, input.key, input.project, input.protocols);
      case 'send':
        return this.#send(now, input.key, input.isText, input.frame);
      case 'close':
        return this.#close(now, input.key, input.code, input.reason);
      case 'gone':
        return this.#gone(now, input.key, GOING_AWAY);
      case 'connected':
        return this.#connected(now);
      case 'frame':
        return this.#frame(now, input.bytes);
      case 'ended':
        return this.#ended(now, input.code, input.reason);
      case 'alone_worked':
        this.#refusedUntil = now + REFUSED_MS;
        return [];
      case 'timer':
        return this.#timer(now);
    }
  }

  #open(now: number, key: Key, project: string, protocols: readonly string[]): MultiplexerEffect<Key>[] {
    if (now < this.#refusedUntil || this.#channels.size >= MOST_CHANNELS) return [{ do: 'alone', key, isTrial: false }];
    this.#lastNumber = (this.#lastNumber + 1) >>> 0;
    const channel: Channel<Key> = { number: this.#lastNumber, key, project, protocols, state: 'waiting', askedAt: undefined };
    this.#channels.set(channel.number, channel);
    this.#byKey.set(key, channel);
    if (this.#socket === 'open') return [this.#ask(now, channel)];
    if (this.#socket === 'opening') return [];
    [this.#socket, this.#openBy, this.#isProven] = ['opening', now + OPEN_MS, false];
    return [{ do: 'connect' }];
  }

  #ask(now: number, channel: Channel<Key>): MultiplexerEffect<Key> {
    [channel.state, channel.askedAt] = ['opening', now];
    return { do: 'send', key: undefined, frame: openFrame(channel.number, channel.project, channel.protocols) };
  }

  #send(now: number, key: Key, isText: boolean, frame: Uint8Array<ArrayBuffer>): MultiplexerEffect<Key>[] {
    const channel = this.#byKey.get(key);
    if (channel?.state !== 'open') return [];
    if (frame.length - HEADER_BYTES > MOST_BYTES) {
      return [...this.#gone(now, key, TOO_LARGE), { do: 'closed', key, code: TOO_LARGE, reason: 'a message is too large' }];
    }
    return [{ do: 'send', key, frame: address(frame, isText ? 't' : 'b', channel.number) }];
  }

  #close(now: number, key: Key, code: number, reason: string): MultiplexerEffect<Key>[] {
    const channel = this.#byKey.get(key);
    if (channel === undefined || channel.state === 'closing') return [];
    if (channel.state === 'waiting') return this.#remove(now, channel, BROKEN, '');
    [channel.state, channel.askedAt] = ['closing', now];
    return [{ do: 'send', key: undefined, frame: closeFrame(channel.number, code, reason) }];
  }

  /** Ends a channel whose client hears nothing of it any more. */
  #gone(now: number, key: Key, code: number): MultiplexerEffect<Key>[] {
    const channel = this.#byKey.get(key);
    if (channel === undefined) return [];
    this.#byKey.delete(key);
    channel.key = undefined;
    if (channel.state === 'waiting') return this.#remove(now, channel, BROKEN, '');
    if (channel.state === 'closing') return [];
    [channel.state, channel.askedAt] = ['closing', now];
    return [{ do: 'send', key: undefined, frame: closeFrame(channel.number, code, '') }];
  }

  #connected(now: number): MultiplexerEffect<Key>[] {
    if (this.#socket !== 'opening') return [];
    [this.#socket, this.#heardAt] = ['open', now];
    return [...this.#channels.values()].map((channel) => this.#ask(now, channel));
  }

  #frame(now: number, bytes: Uint8Array<ArrayBuffer> | undefined): MultiplexerEffect<Key>[] {
    if (this.#socket !== 'open') return [];
    const frame = bytes && readFrame(bytes);
    if (frame === undefined) return [{ do: 'disconnect', code: 4400 }, ...this.#ended(now, 4400, 'the server sent what is no frame')];
    [this.#heardAt, this.#isProven] = [now, true];
    const channel = this.#channels.get(frame.channel);
    return channel === undefined ? [] : this.#told(now, channel, frame);
  }

  /** What a page has closed hears nothing but that it is closed. */
  #told(now: number, channel: Channel<Key>, { kind, payload }: SharedFrame): MultiplexerEffect<Key>[] {
    const { key, state } = channel;
    if (kind === 'c') {
      const { code, reason } = readClose(payload);
      this.#isRetired ||= code === RESTART;
      return this.#remove(now, channel, code, reason);
    }
    if (key === undefined) return [];
    if (kind === 'o' && state === 'opening') {
      [channel.state, channel.askedAt] = ['open', undefined];
      return [{ do: 'opened', key, protocol: textOf(payload) }];
    }
    if ((kind === 'b' || kind === 't') && state === 'open') return [{ do: 'message', key, isText: kind === 't', data: payload }];
    return [];
  }

  #remove(now: number, channel: Channel<Key>, code: number, reason: string): MultiplexerEffect<Key>[] {
    this.#channels.delete(channel.number);
    if (this.#channels.size === 0) this.#idleAt = this.#isRetired ? now : now + IDLE_MS;
    const { key } = channel;
    if (key === undefined) return [];
    this.#byKey.delete(key);
    return [{ do: 'closed', key, code, reason }];
  }

  #ended(now: number, code: number, reason: string): MultiplexerEffect<Key>[] {
    if (this.#socket === 'none') return [];
    const isRefused = !this.#isProven;
    const { action } = closeRule(code);
    // Whose fault it was shows when each has a socket of its own; on a shared one, a page that cannot be read would end all others again and again.
    if (UNREADABLE.has(code) || action === 'never') this.#refusedUntil = now + REFUSED_MS;
    // A session must not take the socket's end for a verdict on itself.
    const told = action === 'retry' || action === 'retry_slowly' ? code : BROKEN;
    const ended = [...this.#byKey.values()];
    this.#channels.clear();
    this.#byKey.clear();
    [this.#socket, this.#isRetired] = ['none', false];
    return ended.flatMap(({ key, state }): MultiplexerEffect<Key>[] => {
      if (key === undefined) return [];
      const wantsToOpen = state === 'waiting' || state === 'opening';
      return [isRefused && wantsToOpen ? { do: 'alone', key, isTrial: true } : { do: 'closed', key, code: told, reason }];
    });
  }

  #timer(now: number): MultiplexerEffect<Key>[] {
    const { deadline } = this;
    if (deadline === undefined || now < deadline) return [];
    if (this.#channels.size === 0) return [{ do: 'disconnect', code: 1000 }, ...this.#ended(now, 1000, '')];
    if (this.#socket === 'opening') return this.#dead(now);
    const due = [...this.#channels.values()].filter(({ askedAt }) => askedAt !== undefined && now >= askedAt + ANSWER_MS);
    // To end a session may take a server long; to greet one does not.
    if (due.some(({ state, askedAt = 0 }) => state === 'opening' && askedAt >= this.#heardAt)) return this.#dead(now);
    return due.flatMap((channel) => {
      channel.askedAt = undefined;
      // The page waits for the opening as long as it likes; a close it shall not wait for.
      return channel.state === 'closing' ? this.#remove(now, channel, BROKEN, '') : [];
    });
  }

  #dead(now: number): MultiplexerEffect<Key>[] {
    return [{ do: 'disconnect', code: 1000 }, ...this.#ended(now, BROKEN, 'the shared connection fell silent')];
  }
}
