/** How a canvas's work outlives its page: what the core asks of a keeper. `@collabcanvas/sdk/offline` has one. */
import { newBatch, type Batch } from './batch.js';
import type { CanvasObject } from './object.js';
import type { Position, WireObject } from './protocol.js';
import type { UndoSteps } from './undo-steps.js';

/** A batch that an earlier page had not seen saved. */
export type KeptBatch = Pick<Batch, 'key' | 'ops' | 'body' | 'durable' | 'cid' | 'answer' | 'code' | 'inBase' | 'madeAt' | 'acceptedAt'>;

/** What a page that is gone has left. */
export interface Kept {
  /** The client id that it had, and that this page now has. */
  readonly clientId: string;
  /** How the server named its user with that client id, if it was ever connected: another user's numbers are others. */
  readonly author?: string | undefined;
  /** The highest cid that was called saved. */
  readonly savedCid: number;
  /** The highest cid that was ever given. */
  readonly highestCid: number;
  /** Those that were not saved, in order. */
  readonly batches: readonly KeptBatch[];
  /** Where the server's state stood as the page had it, if it had one. */
  readonly position: Position | undefined;
  /** That state. */
  readonly objects: readonly WireObject[];
  /** Undo and redo steps. */
  readonly undo: UndoSteps;
}

/** What there is to keep now. */
export interface Work {
  /** The client id that batches are sent under. */
  readonly clientId: string;
  /** How the server names this user with that client id; undefined before the first connection. */
  readonly author: string | undefined;
  /** The highest cid that was called saved. */
  readonly savedCid: number;
  /** The highest cid that was ever given. */
  readonly highestCid: number;
  /** Those that are not saved, in order. They go on changing. */
  readonly batches: readonly Batch[];
  /** Where the server's state stands, if there is one. */
  readonly position: Position | undefined;
  /** The server's state. */
  readonly objects: ReadonlyMap<string, CanvasObject>;
  /** Objects of it that have changed since the last call. */
  readonly touched: ReadonlySet<string> | 'all';
  /** Undo and redo steps. They go on changing. */
  readonly undo: UndoSteps;
}

/** Keeps a canvas's work where its page cannot take it along: `CanvasOptions.keeper`. */
export interface Keeper {
  /**
   * Takes over what a page that is gone has left of this project, so that nobody else can.
   * @param kept to be called whenever more of the work is kept than before
   */
  open(url: string, kept: () => void): Promise<Kept | undefined>;
  /** The work is this now; kept before long. */
  keep(work: Work): void;
  /** Whether a batch would outlive the page as it is now. Only then is it sent, so that a later page knows what its numbers stand for. */
  isKept(batch: Batch): boolean;
  /** Nothing can be kept any more: no database, no place left. The canvas goes on without. */
  readonly isBroken: boolean;
  /** The canvas is closed. @param isEmpty nothing is left to do: what was kept may be forgotten */
  close(isEmpty: boolean): void;
}

/** A batch that an earlier page has left. */
export function adopted(kept: KeptBatch): Batch {
  const batch = { ...newBatch(kept.key, kept.ops, kept.body, kept.durable, undefined, kept.madeAt), ...kept };
  if (batch.answer === 'accepted') batch.course.move('accepted');
  return batch;
}
