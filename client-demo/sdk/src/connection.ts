/**
 * The life of the connection, as a pure state machine: inputs with a time go in, effects come out.
 *
 * Owns when to connect, wait, ping and give up. Never touches a socket, a timer or the clock; `socket.ts` performs the
 * effects and feeds what happens back. `deadline` says when the machine next wants a `timer` input.
 */
import { backoff, slowBackoff } from './backoff.js';
import { closeError, closeRule } from './close.js';
import { lost, tokenError, type CanvasError } from './errors.js';

/** Opening a socket, or waiting for the welcome, longer than this is a failure. */
const OPEN_TIMEOUT_MS = 10_000;
const TOKEN_TIMEOUT_MS = 20_000;
/** The server says so long before that access ends (PROTOCOL §5): a new token is wanted now. */
const ENDS_SOON_MS = 60_000;
/** When a token has come, no other is asked for sooner: it may be the old one again, or one that ends as soon. */
const NEXT_TOKEN_MS = 10_000;
/** After a ping, the server has this long to say anything (PROTOCOL §5). */
const PONG_TIMEOUT_MS = 5_000;
/** A session that lasted this long proves that connecting works: the back-off starts again. */
const LASTED_MS = 10_000;
/** A timer that comes this much too late means that the page slept or was throttled; silence then proves nothing. */
const SLEPT_MS = 2_000;

export type ConnectionState =
  | { readonly name: 'idle' }
  | { readonly name: 'token'; readonly deadline: number }
  | { readonly name: 'opening'; readonly deadline: number }
  | { readonly name: 'greeting'; readonly deadline: number }
  | { readonly name: 'online'; readonly since: number; heardAt: number; pingAt?: number; leaveAt?: number; readonly quietMs: number; renewAt?: number; renewFailures: number }
  /** `isHinted`: the server has said how long, so nothing makes it shorter but the application. */
  | { readonly name: 'waiting'; readonly until: number; readonly isHinted: boolean }
  | { readonly name: 'closed' };

export type ConnectionInput =
  | { readonly on: 'connect' }
  | { readonly on: 'disconnect' }
  | { readonly on: 'close' }
  /** `isSame`: this socket has seen it already. */
  | { readonly on: 'token'; readonly isSame?: boolean }
  | { readonly on: 'token_failed'; readonly cause: unknown }
  | { readonly on: 'opened' }
  | { readonly on: 'heard' }
  | { readonly on: 'welcome'; readonly heartbeatMs: number }
  /** Access ends in so long unless a new token comes; null: never. */
  | { readonly on: 'access'; readonly endsMs: number | null }
  | { readonly on: 'goaway'; readonly reconnectMs: readonly [number, number] }
  | { readonly on: 'closed'; readonly code: number; readonly reason: string }
  /** The server said something that cannot be: the cure is to reconnect. */
  | { readonly on: 'violation'; readonly error: CanvasError }
  /** This client id can no longer be used although the socket is fine. */
  | { readonly on: 'renew'; readonly error: CanvasError }
  | { readonly on: 'network'; readonly online: boolean }
  | { readonly on: 'visible' }
  | { readonly on: 'timer' };

export type ConnectionEffect =
  | { readonly do: 'fetch_token'; readonly isRefused: boolean }
  | { readonly do: 'open' }
  | { readonly do: 'hello' }
  /** Send the new token. */
  | { readonly do: 'renew' }
  | { readonly do: 'ping' }
  /** Close the socket, if any, and ignore whatever it still says. */
  | { readonly do: 'drop' }
  /** The session is over: nothing can be sent until the next welcome. */
  | { readonly do: 'lost' }
  | { readonly do: 'newClientId'; readonly error: CanvasError }
  | { readonly do: 'report'; readonly error: CanvasError };

export interface ConnectionOptions {
  /** Numbers in [0, 1). */
  readonly random: () => number;
  /** Whether the application can give access tokens. */
  readonly hasToken: boolean;
}

export class Connection {
  state: ConnectionState = { name: 'idle' };
  #failures = 0;
  /** From `goaway`: not before this time. */
  #notBefore = 0;
  /** The server did not accept the last token, or no longer. */
  #isTokenRefused = false;
  readonly #options: ConnectionOptions;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** When the machine wants a `timer` input; undefined for never. */
  get deadline(): number | undefined {
    const { state } = this;
    switch (state.name) {
      case 'token':
      case 'opening':
      case 'greeting':
        return state.deadline;
      case 'waiting':
        return state.until;
      case 'online': {
        const silence = state.pingAt === undefined ? state.heardAt + state.quietMs : state.pingAt + PONG_TIMEOUT_MS;
        return Math.min(silence, state.leaveAt ?? Infinity, state.renewAt ?? Infinity);
      }
      default:
        return undefined;
    }
  }

  on(now: number, input: ConnectionInput): ConnectionEffect[] {
    if (this.state.name === 'closed') return [];
    switch (input.on) {
      case 'connect':
        return this.#connect(now);
      case 'disconnect':
        return this.#stop({ name: 'idle' });
      case 'close':
        return this.#stop({ name: 'closed' });
      case 'token':
        return this.#token(now, input.isSame ?? false);
      case 'token_failed':
        return this.#tokenFailed(now, tokenError(input.cause));
      case 'opened':
        if (this.state.name !== 'opening') return [];
        this.state = { name: 'greeting', deadline: now + OPEN_TIMEOUT_MS };
        return [{ do: 'hello' }];
      case 'welcome':
        return this.#welcome(now, input.heartbeatMs);
      case 'heard':
        return this.#heard(now);
      case 'access':
        return this.#access(now, input.endsMs ?? Infinity);
      case 'goaway':
        return this.#goaway(now, input.reconnectMs);
      case 'closed':
        return this.#closed(now, input.code, input.reason);
      case 'violation':
        return this.#isBusy() ? this.#retry(now, input.error) : [];
      case 'renew':
        return this.#isBusy() ? [...this.#retry(now, input.error), { do: 'newClientId', error: input.error }] : [];
      case 'network':
        return input.online ? this.#hurry(now) : this.#probe(now, 0);
      case 'visible':
        return this.state.name === 'waiting' ? this.#hurry(now) : this.#probe(now, PONG_TIMEOUT_MS);
      case 'timer':
        return this.#timer(now);
    }
  }

  /** Whether there is, or is about to be, a socket. */
  #isBusy(): boolean {
    return this.state.name !== 'idle' && this.state.name !== 'waiting';
  }

  #connect(now: number): ConnectionEffect[] {
    if (this.#isBusy()) return [];
    if (!this.#options.hasToken) return this.#open(now);
    this.state = { name: 'token', deadline: now + TOKEN_TIMEOUT_MS };
    return [{ do: 'fetch_token', isRefused: this.#isTokenRefused }];
  }

  #token(now: number, isSame: boolean): ConnectionEffect[] {
    const { state } = this;
    if (state.name === 'token') return this.#open(now);
    if (state.name !== 'online') return [];
    state.renewFailures = 0;
    if (state.renewAt !== undefined) state.renewAt = now + NEXT_TOKEN_MS;
    return isSame ? [] : [{ do: 'renew' }];
  }

  #tokenFailed(now: number, error: CanvasError): ConnectionEffect[] {
    const { state } = this;
    if (state.name === 'token') return this.#retry(now, error);
    if (state.name === 'online') state.renewAt = now + backoff(state.renewFailures++, this.#options.random());
    return [{ do: 'report', error }];
  }

  #open(now: number): ConnectionEffect[] {
    this.state = { name: 'opening', deadline: now + OPEN_TIMEOUT_MS };
    return [{ do: 'open' }];
  }

  #stop(state: ConnectionState): ConnectionEffect[] {
    this.state = state;
    this.#failures = 0;
    return [{ do: 'drop' }, { do: 'lost' }];
  }

  #welcome(now: number, heartbeatMs: number): ConnectionEffect[] {
    this.#isTokenRefused = false;
    // A welcome on a running session (a slow reader brought back, a healed history) changes nothing here.
    if (this.state.name === 'greeting') this.state = { name: 'online', since: now, heardAt: now, quietMs: heartbeatMs, renewFailures: 0 };
    return [];
  }

  #heard(now: number): ConnectionEffect[] {
    if (this.state.name === 'online') {
      this.state.heardAt = now;
      delete this.state.pingAt;
    }
    return [];
  }

  #access(now: number, endsMs: number): ConnectionEffect[] {
    const { state } = this;
    if (state.name !== 'online' || !this.#options.hasToken) return [];
    if (endsMs > ENDS_SOON_MS) delete state.renewAt;
    else state.renewAt ??= now;
    return [];
  }

  #goaway(now: number, [min, max]: readonly [number, number]): ConnectionEffect[] {
    this.#notBefore = now + min + this.#options.random() * Math.max(0, max - min);
    if (this.state.name === 'online') this.state.leaveAt = this.#notBefore;
    return [];
  }

  #closed(now: number, code: number, reason: string): ConnectionEffect[] {
    if (!this.#isBusy()) return [];
    const rule = closeRule(code);
    const giveUp =
      rule.action === 'done' ||
      (rule.action === 'never' && rule.client !== 'new') ||
      (rule.action === 'token' && !this.#options.hasToken);
    const error = closeError(rule, reason, !giveUp);
    if (giveUp) return this.#end({ name: 'closed' }, error);
    this.#isTokenRefused ||= rule.action === 'token';
    const effects = this.#retry(now, error, rule.action === 'retry_slowly');
    if (rule.client === 'new') effects.push({ do: 'newClientId', error });
    return effects;
  }

  #retry(now: number, error: CanvasError, slowly = false): ConnectionEffect[] {
    if (this.state.name === 'online' && now - this.state.since >= LASTED_MS) this.#failures = 0;
    const random = this.#options.random();
    const wait = slowly ? slowBackoff(random) : backoff(this.#failures, random);
    this.#failures += 1;
    // The range of a goaway replaces the back-off: it is there so that a whole node's clients do not return at once.
    const isHinted = this.#notBefore > now;
    const until = isHinted && !slowly ? this.#notBefore : now + wait;
    this.#notBefore = 0;
    return this.#end({ name: 'waiting', until, isHinted: isHinted || slowly }, error);
  }

  /** The session, or the attempt at one, is over. */
  #end(state: ConnectionState, error: CanvasError): ConnectionEffect[] {
    this.state = state;
    return [{ do: 'drop' }, { do: 'lost' }, { do: 'report', error }];
  }

  #timer(now: number): ConnectionEffect[] {
    const { state, deadline } = this;
    if (deadline === undefined || now < deadline) return [];
    switch (state.name) {
      case 'waiting':
        return this.#connect(now);
      case 'token':
        return this.#retry(now, tokenError('none came in time'));
      case 'online':
        return this.#onlineTimer(now, state, deadline);
      default:
        return this.#retry(now, lost('the server did not answer in time'));
    }
  }

  #onlineTimer(now: number, state: ConnectionState & { name: 'online' }, deadline: number): ConnectionEffect[] {
    if (state.leaveAt !== undefined && now >= state.leaveAt) {
      this.state = { name: 'waiting', until: now, isHinted: true };
      return [{ do: 'drop' }, { do: 'lost' }, ...this.#connect(now)];
    }
    if (now >= (state.renewAt ?? Infinity)) {
      state.renewAt = now + TOKEN_TIMEOUT_MS;
      return [{ do: 'fetch_token', isRefused: true }];
    }
    // After a sleep the answer may be waiting in the socket behind this very timer: ask again before giving up.
    if (state.pingAt === undefined || now - deadline > SLEPT_MS) {
      state.pingAt = now;
      return [{ do: 'ping' }];
    }
    return this.#retry(now, lost('the server fell silent'));
  }

  /** Connect soon instead of at the end of a long wait, because something speaks for success; not all of an office's clients at once. */
  #hurry(now: number): ConnectionEffect[] {
    const { state } = this;
    if (state.name !== 'waiting') return this.#probe(now, 0);
    this.#failures = 0;
    const soon = now + backoff(0, this.#options.random());
    if (!state.isHinted && soon < state.until) this.state = { ...state, until: soon };
    return [];
  }

  /** Ask whether the server is still there, if nothing was heard for `quietMs`. */
  #probe(now: number, quietMs: number): ConnectionEffect[] {
    const { state } = this;
    if (state.name !== 'online' || state.pingAt !== undefined || now - state.heardAt < quietMs) return [];
    state.pingAt = now;
    return [{ do: 'ping' }];
  }
}
