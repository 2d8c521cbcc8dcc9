/** What a canvas tells its application. */
import type { CanvasError } from './errors.js';
import type { Loss } from './loss.js';
import type { Op } from './protocol.js';
import type { Receipt } from './receipt.js';
import type { Status } from './status.js';
import type { Rejected } from './rejected.js';
import type { Props, Value } from './value.js';

/** Objects look different. `reset`: everything was replaced, `ids` is `'all'`. */
export interface Change {
  /** Which ones: added, changed, removed. */
  readonly ids: ReadonlySet<string> | 'all';
  /** `local`: this application did it · `remote`: the server said so, of others' edits or ours · `reset`: a whole new state */
  readonly source: 'local' | 'remote' | 'reset';
}

/** An ephemeral message of another session. */
export interface Broadcast {
  /** The sender's session, as in `Peer.session`. */
  readonly from: number;
  /** What it is about, as the sender calls it. */
  readonly topic: string;
  /** What it says. */
  readonly data: Value;
}

/** A batch that was made here. */
export interface Made {
  /** What it asks for. */
  readonly ops: readonly Op[];
  /** What becomes of it. */
  readonly receipt: Receipt;
}

/** The events of `canvas.on`, by name. */
export interface CanvasEvents<Kinds = Props> {
  /** The application made a batch (not by undo or redo). */
  batch: Made;
  /** After every change of `objects`, local or remote. */
  change: Change;
  /** `canvas.status` is another. */
  status: Status;
  /** Somebody came, left or changed their fields. */
  presence: void;
  /** Somebody sent an ephemeral message. */
  broadcast: Broadcast;
  /** A batch of ours was refused by the server; its edits are gone from `objects`. */
  rejected: Rejected<Kinds>;
  /** Something that was accepted or saved is gone or can no longer be followed: tell the user, and let them keep a copy. */
  loss: Loss;
  /** Connection and server errors; with `retry` they are only for information. */
  error: CanvasError;
}
