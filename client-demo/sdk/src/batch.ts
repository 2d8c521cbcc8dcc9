/** One batch on its way to being saved, and what may remain of it. Only `pending.ts` moves it on. */
import { lostBatch, type LostBatch } from './loss.js';
import type { Op, Reject } from './protocol.js';
import { Course } from './receipt.js';
import { given } from './value.js';

/** An edit, or several that are made as one. */
export interface Batch {
  /** Names the batch in this page, also before it has a cid. */
  readonly key: number;
  /** What it asks for. */
  ops: readonly Op[];
  /** `ops` as they travel; a resend carries the same bytes. */
  body: Uint8Array;
  /** Saved at once instead of within the autosave interval. */
  durable: boolean;
  /** Only batches of one gesture may be joined. */
  readonly gesture: number | undefined;
  /** Given at the first sending. */
  cid: number | undefined;
  /** `waiting`: the server has not answered. `accepted`, `refused`: as it says, provisionally until saved. */
  answer: 'waiting' | 'accepted' | 'refused';
  /** The code of a refusal; its resend is void. */
  code: string | undefined;
  /** The server's state holds this batch (or its refusal), so it is no layer any more. */
  inBase: boolean;
  /** The application was told of the refusal. */
  isReported: boolean;
  /** When it was made, in milliseconds since 1970. */
  readonly madeAt: number;
  /** When it was accepted last, even if that was taken back since; undefined: never. */
  acceptedAt: number | undefined;
  /** What the application holds of it. */
  readonly course: Course;
}

/** What has changed for the application. */
export interface Refused {
  readonly batch: Batch;
  readonly code: string;
  readonly message: string;
  readonly reject: Reject | undefined;
}

/** What remains of the batches of a client id that has ended. */
export interface Ended {
  readonly refused: Refused[];
  readonly lost: LostBatch[];
  readonly forgotten: number;
}

/** A batch's place among those of its client id: one that has no cid yet comes after all that have. */
export const placeOf = ({ cid }: Batch): number => cid ?? Infinity;

export function newBatch(key: number, ops: readonly Op[], body: Uint8Array, durable: boolean, gesture: number | undefined, madeAt: number): Batch {
  return {
    key, ops, body, durable, gesture, madeAt,
    cid: undefined, answer: 'waiting', code: undefined, inBase: false, isReported: false, acceptedAt: undefined, course: new Course(),
  };
}

/** A batch that is not known to be saved, for a report. */
export function whatIsLost({ cid, answer, ops, madeAt }: Batch, isResent: boolean): LostBatch {
  return lostBatch({ ...given({ cid }), was: answer === 'accepted' ? 'accepted' : 'unsent', ops, madeAt, isResent });
}

/** How the batches of a page are doing; refused ones do not count. */
export interface Tally {
  /** Not answered by the server. */
  readonly unsent: number;
  /** Not saved, the unsent ones included. */
  readonly unsaved: number;
  /** When the oldest of them was made. */
  readonly unsavedSince: number | undefined;
  /** Since when the server has owed us a `saved`: the oldest acceptance that waits for one. */
  readonly owedSince: number | undefined;
}

export function tally(batches: readonly Batch[]): Tally {
  const unsaved = batches.filter(({ answer }) => answer !== 'refused');
  return {
    unsent: unsaved.filter(({ answer }) => answer === 'waiting').length,
    unsaved: unsaved.length,
    unsavedSince: unsaved[0]?.madeAt,
    owedSince: unsaved.find(({ answer }) => answer === 'accepted')?.acceptedAt,
  };
}
