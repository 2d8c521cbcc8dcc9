/**
 * The batches that are not saved yet, in order, and the rules of sending them again (PROTOCOL §3).
 *
 * A batch gets its cid when it is first sent. It is forgotten only when the server says `saved` for its cid; until then it
 * may have to be sent again, after any `welcome`. Pure: time comes in, frames and events go out.
 */
import { CanvasError } from './errors.js';
import type { Op, Reject } from './protocol.js';

/** How many batches may be under way; fewer than the server allows, so that a slow connection coalesces instead of queueing. */
const WINDOW = 64;

export interface Batch {
  /** Names the batch in this page, also before it has a cid. */
  readonly key: number;
  ops: readonly Op[];
  /** `ops` as they travel; a resend carries the same bytes. */
  body: Uint8Array;
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
}

/** What has changed for the application. */
export interface Refused {
  readonly batch: Batch;
  readonly code: string;
  readonly message: string;
  readonly reject: Reject | undefined;
}

export class Pending {
  private batches: Batch[] = [];
  private nextKey = 1;
  /** The cid that a batch without one will get. */
  private nextCid = 1;
  /** The cid that is sent next; undefined when there is no session. */
  private cursor: number | undefined;
  private window = WINDOW;
  /** After a temporary refusal, nothing is sent before this time. */
  private pausedUntil = 0;
  /** The last gap that made us go back, and how many more like it the batches that were under way then may still cause. */
  private rewound: { readonly expected: number; echoes: number } | undefined;

  /** All batches that are not saved, in order. */
  get all(): readonly Batch[] {
    return this.batches;
  }

  /** How many batches the server has not answered, and how many it has not saved (refused ones do not count). */
  get counts(): { unsent: number; unsaved: number } {
    let unsent = 0;
    let unsaved = 0;
    for (const { answer } of this.batches) {
      if (answer === 'waiting') unsent += 1;
      if (answer !== 'refused') unsaved += 1;
    }
    return { unsent, unsaved };
  }

  /** Batches that are shown on top of the server's state. */
  *layers(): Generator<Batch> {
    for (const batch of this.batches) if (!batch.inBase && batch.answer !== 'refused') yield batch;
  }

  /** When sending may go on after a temporary refusal. */
  get pause(): number {
    return this.pausedUntil;
  }

  add(ops: readonly Op[], body: Uint8Array, durable: boolean, gesture: number | undefined): Batch {
    const batch: Batch = {
      key: this.nextKey, ops, body, durable, gesture,
      cid: undefined, answer: 'waiting', code: undefined, inBase: false, isReported: false,
    };
    this.nextKey += 1;
    this.batches.push(batch);
    return batch;
  }

  /** The last batch, if it was never sent: only such a batch may still be changed. */
  get open(): Batch | undefined {
    const last = this.batches.at(-1);
    return last?.cid === undefined ? last : undefined;
  }

  /** The batches to send now, in order. They count as sent. */
  take(now: number): Batch[] {
    if (this.cursor === undefined || now < this.pausedUntil) return [];
    const taken: Batch[] = [];
    let underWay = 0;
    for (const batch of this.batches) {
      if (batch.cid !== undefined && batch.cid < this.cursor) {
        if (batch.answer === 'waiting') underWay += 1;
        continue;
      }
      if (underWay >= this.window) break;
      if (batch.cid === undefined) {
        batch.cid = this.nextCid;
        this.nextCid += 1;
      }
      this.cursor = batch.cid + 1;
      underWay += 1;
      taken.push(batch);
    }
    return taken;
  }

  /** Whether `take` would give something if the time were right. */
  get hasUnsentWork(): boolean {
    const { cursor } = this;
    const last = this.batches.at(-1);
    return cursor !== undefined && last !== undefined && (last.cid === undefined || last.cid >= cursor);
  }

  /** The session is over. */
  stop(): void {
    this.cursor = undefined;
    this.pausedUntil = 0;
  }

  /**
   * A session begins, or begins again: resend everything above `last`.
   * @throws CanvasError `history_lost` when the server lacks batches that it had called saved
   */
  welcome(last: number, window: number): void {
    const first = this.batches[0]?.cid;
    // A batch that was saved is gone from here; nobody could fill this gap.
    if ((first ?? this.nextCid) > last + 1) {
      throw new CanvasError('history_lost', 'the server has lost batches that it had called saved');
    }
    this.nextCid = Math.max(this.nextCid, last + 1);
    this.cursor = last + 1;
    this.window = Math.min(WINDOW, window);
    this.pausedUntil = 0;
    this.rewound = undefined;
    for (const batch of this.batches) {
      if (batch.cid === undefined) continue;
      if (batch.cid > last) {
        if (batch.answer === 'accepted') batch.answer = 'waiting';
      } else if (batch.answer === 'waiting') {
        // Answered while we were away. How, the commit stream tells; a snapshot just contains it.
        batch.answer = 'accepted';
      }
    }
  }

  /**
   * A snapshot has replaced the state: it contains every batch up to `last`, and none that the server has lost. (A delta needs no such
   * word: it goes on from the history that the state is made of.)
   */
  snapshot(last: number): void {
    for (const batch of this.batches) batch.inBase = batch.cid !== undefined && batch.cid <= last;
  }

  /** The stream brought our own commit. @returns the batch, if it is still pending */
  committed(cid: number, code: string | undefined): Batch | undefined {
    const batch = this.find(cid);
    if (batch === undefined) return undefined;
    batch.inBase = true;
    batch.answer = code === undefined ? 'accepted' : 'refused';
    batch.code = code;
    return batch;
  }

  /** Every batch up to `cid` is answered; those that were not refused are accepted. */
  ack(cid: number): void {
    for (const batch of this.batches) {
      if (batch.cid === undefined || batch.cid > cid) break;
      if (batch.answer === 'waiting') batch.answer = 'accepted';
    }
  }

  /** @returns the batches that the application must hear of */
  reject(reject: Reject, now: number): Refused[] {
    switch (reject.kind) {
      case 'final': {
        const batch = this.find(reject.cid);
        if (batch === undefined) return [];
        batch.answer = 'refused';
        batch.code = reject.code;
        return this.report(batch, reject.code, reject.message, reject);
      }
      case 'temporary':
        // One batch less that can still cause a gap.
        if (this.rewound !== undefined && reject.cid > this.rewound.expected) this.rewound.echoes -= 1;
        this.rewind(reject.cid);
        this.pausedUntil = Math.max(this.pausedUntil, now + (reject.retry_ms ?? 0));
        return [];
      case 'forbidden': {
        const refused = this.discard((batch) => batch.cid === undefined || batch.cid >= reject.cid, reject.code, reject.message, reject);
        // The cid is not used up, so the next batch takes it.
        this.nextCid = Math.min(this.nextCid, reject.cid);
        this.rewind(reject.cid);
        return refused;
      }
    }
  }

  /** A cid was skipped: go back, once for all the batches that were under way behind it. */
  gap(expected: number): void {
    if (this.rewound?.expected === expected && this.rewound.echoes > 0) {
      this.rewound.echoes -= 1;
      return;
    }
    // Behind the missing batch, all up to the cursor are under way; this answer was one of theirs.
    this.rewound = { expected, echoes: (this.cursor ?? 0) - expected - 2 };
    this.rewind(expected);
  }

  /** Batches up to `cid` are durable: only now may they be forgotten. @returns whether one was still a layer */
  saved(cid: number): boolean {
    const rest = this.batches.filter((batch) => batch.cid === undefined || batch.cid > cid);
    const wasLayer = this.batches.some((batch) => batch.cid !== undefined && batch.cid <= cid && !batch.inBase);
    this.batches = rest;
    return wasLayer;
  }

  /** Refusals that the stream told and no `reject` explained, up to `cid`. */
  unreported(cid: number): Refused[] {
    return this.batches
      .filter((batch) => batch.answer === 'refused' && !batch.isReported && batch.cid !== undefined && batch.cid <= cid)
      .flatMap((batch) => this.report(batch, batch.code ?? 'refused', 'the batch was refused', undefined));
  }

  /** Starts a new life at cid 1. @returns the batches that were never accepted */
  renew(code: string, message: string): Refused[] {
    const refused = this.discard(() => true, code, message, undefined);
    this.nextCid = 1;
    this.stop();
    return refused;
  }

  private discard(which: (batch: Batch) => boolean, code: string, message: string, reject: Reject | undefined): Refused[] {
    const gone = this.batches.filter(which);
    this.batches = this.batches.filter((batch) => !which(batch));
    return gone
      .filter((batch) => batch.answer === 'waiting' || (batch.answer === 'refused' && !batch.isReported))
      .flatMap((batch) => this.report(batch, batch.code ?? code, message, reject));
  }

  private report(batch: Batch, code: string, message: string, reject: Reject | undefined): Refused[] {
    if (batch.isReported) return [];
    batch.isReported = true;
    return [{ batch, code, message, reject }];
  }

  private rewind(cid: number): void {
    if (this.cursor !== undefined) this.cursor = Math.min(this.cursor, cid);
  }

  private find(cid: number): Batch | undefined {
    return this.batches.find((batch) => batch.cid === cid);
  }
}
