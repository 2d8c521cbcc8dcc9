/** What a canvas tells its application. */
import type { CanvasError } from './errors.js';
import type { Loss } from './loss.js';
import type { Status } from './status.js';
import type { Rejected } from './rejected.js';
import type { Value } from './value.js';

/** Objects look different. `reset`: everything was replaced, `ids` is `'all'`. */
export interface Change {
  readonly ids: ReadonlySet<string> | 'all';
  readonly source: 'local' | 'remote' | 'reset';
}

/** An ephemeral message of another session. */
export interface Broadcast {
  readonly from: number;
  readonly topic: string;
  readonly data: Value;
}

export interface CanvasEvents {
  /** After every change of `objects`, local or remote. */
  change: Change;
  status: Status;
  /** Somebody came, left or changed their fields. */
  presence: void;
  broadcast: Broadcast;
  /** A batch of ours was refused by the server; its edits are gone from `objects`. */
  rejected: Rejected;
  /** Something that was accepted or saved is gone or can no longer be followed: tell the user, and let them keep a copy. */
  loss: Loss;
  /** Connection and server errors; with `retry` they are only for information. */
  error: CanvasError;
}
