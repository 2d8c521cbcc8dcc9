/** What the application shows about the connection and its own work. */
import type { ConnectionState } from './connection.js';
import type { CanvasError } from './errors.js';
import type { Code, Mode, Role } from './protocol.js';
import type { Runtime } from './runtime.js';
import { given } from './value.js';

/** `closed`: there will be no further attempt; `status.error` says why. */
export type ConnectionStatus = 'connecting' | 'online' | 'offline' | 'closed';

/** The connection, what may be done, and how far our own edits have come. */
export interface Status {
  /** How the connection is. */
  readonly connection: ConnectionStatus;
  /** The first snapshot has been applied. */
  readonly synced: boolean;
  /** What this user may do, from the first connection on; an owner may change it at any time. */
  readonly role?: Role;
  /** Batches that the server has not accepted yet. */
  readonly unsent: number;
  /** Batches that are not in the durable store yet; includes the unsent ones. */
  readonly unsaved: number;
  /** When the oldest unsaved batch was made, in milliseconds since 1970. */
  readonly unsavedSince?: number;
  /** The server has accepted batches and for ten seconds saved none of them: its durable store does not answer. */
  readonly stalled: boolean;
  /** Why the server takes no batches right now, `overloaded`, `rate_limited` or `unavailable`; they are kept, and sent again soon. */
  readonly heldBack?: Code;
  /** `degraded`: a part of the server is away. Editing goes on, more slowly, and other people's cursors may not be seen. */
  readonly mode: Mode;
  /** When the next attempt to connect begins, in milliseconds since 1970. */
  readonly retryAt?: number;
  /** The last error; gone after the next successful connect. */
  readonly error?: CanvasError;
}

/** The parts that a status is made of. */
export interface StatusParts {
  readonly state: ConnectionState;
  readonly synced: boolean;
  readonly role: Role | undefined;
  readonly unsent: number;
  readonly unsaved: number;
  readonly unsavedSince: number | undefined;
  readonly stalled: boolean;
  readonly heldBack: Code | undefined;
  readonly mode: Mode;
  readonly error: CanvasError | undefined;
}

const CONNECTION: Record<ConnectionState['name'], ConnectionStatus> = {
  idle: 'offline',
  token: 'connecting',
  opening: 'connecting',
  greeting: 'connecting',
  online: 'online',
  waiting: 'offline',
  closed: 'closed',
};

export function statusOf({ state, role, error, unsavedSince, heldBack, ...rest }: StatusParts): Status {
  return {
    ...rest,
    connection: CONNECTION[state.name],
    ...given({ role, unsavedSince, heldBack, error, retryAt: state.name === 'waiting' ? state.until : undefined }),
  };
}

/** A server that works saves within five seconds; after this long it does not. */
const STALLED_MS = 10_000;

/** What a teller looks at; `owedSince` is the oldest acceptance that waits for its `saved`. */
export type StatusSource = () => Omit<StatusParts, 'stalled'> & { readonly owedSince: number | undefined };

/** Tells of every change of the status once, also of the one that only time brings. */
export class StatusTeller {
  latest: Status;
  #stall: { readonly since: number; readonly cancel: () => void } | undefined;
  readonly #runtime: Runtime;
  readonly #source: StatusSource;
  readonly #tell: (status: Status) => void;

  constructor(runtime: Runtime, source: StatusSource, tell: (status: Status) => void) {
    this.#runtime = runtime;
    this.#source = source;
    this.#tell = tell;
    this.latest = this.#current();
  }

  update(): void {
    const status = this.#current();
    if (sameStatus(status, this.latest)) return;
    this.latest = status;
    this.#tell(status);
  }

  stop(): void {
    this.#stall?.cancel();
    this.#stall = undefined;
  }

  #current(): Status {
    const { owedSince, ...parts } = this.#source();
    const left = (owedSince ?? Infinity) + STALLED_MS - this.#runtime.now();
    if (this.#stall?.since !== owedSince) {
      this.stop();
      if (owedSince !== undefined && left > 0) this.#stall = { since: owedSince, cancel: this.#runtime.timer(left, () => this.update()) };
    }
    // Offline nothing can be heard of what was saved, so nothing is known against the server.
    return statusOf({ ...parts, stalled: parts.state.name === 'online' && left <= 0 });
  }
}

/** Whether nothing that an application can see differs. */
export function sameStatus(a: Status, b: Status): boolean {
  const names = Object.keys({ ...a, ...b }) as (keyof Status)[];
  return names.every((name) => a[name] === b[name]);
}
