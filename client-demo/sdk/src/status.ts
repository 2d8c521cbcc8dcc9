/** What the application shows about the connection and its own work. */
import type { ConnectionState } from './connection.js';
import type { CanvasError } from './errors.js';
import type { Mode } from './protocol.js';

/** `closed`: there will be no further attempt; `status.error` says why. */
export type ConnectionStatus = 'connecting' | 'online' | 'offline' | 'closed';

export interface Status {
  readonly connection: ConnectionStatus;
  /** The first snapshot has been applied. */
  readonly synced: boolean;
  /** Batches that the server has not accepted yet. */
  readonly unsent: number;
  /** Batches that are not in the durable store yet; includes the unsent ones. */
  readonly unsaved: number;
  /** `degraded`: editing goes on, more slowly. */
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
  readonly unsent: number;
  readonly unsaved: number;
  readonly mode: Mode;
  readonly error: CanvasError | undefined;
}

export function statusOf({ state, error, ...rest }: StatusParts): Status {
  return {
    ...rest,
    connection: connectionStatus(state),
    ...(state.name === 'waiting' && { retryAt: state.until }),
    ...(error !== undefined && { error }),
  };
}

/** Whether nothing that an application can see differs. */
export function sameStatus(a: Status, b: Status): boolean {
  return (
    a.connection === b.connection &&
    a.synced === b.synced &&
    a.unsent === b.unsent &&
    a.unsaved === b.unsaved &&
    a.mode === b.mode &&
    a.retryAt === b.retryAt &&
    a.error === b.error
  );
}

function connectionStatus(state: ConnectionState): ConnectionStatus {
  switch (state.name) {
    case 'token':
    case 'opening':
    case 'greeting':
      return 'connecting';
    case 'online':
      return 'online';
    case 'closed':
      return 'closed';
    default:
      return 'offline';
  }
}
