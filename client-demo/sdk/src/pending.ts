/**
 * The batches that are not saved yet, in order, and the rules of sending them again (PROTOCOL §3).
 *
 * A batch gets its cid when it is first sent. It is forgotten only when the server says `saved` for its cid; until then it
 * may have to be sent again, after any `welcome`. Pure: time comes in, frames and events go out.
 */
import { newBatch, placeOf, tally, whatIsLost, type Batch, type Ended, type Refused, type Tally } from './batch.js';
import { Echoes } from './echoes.js';
import { CanvasError } from './errors.js';
import { Recent, type LostBatch } from './loss.js';
import { adopted, type KeptBatch } from './keeper.js';
import type { Code, Op, Reject } from './protocol.js';

/** How many batches may be under way; fewer than the server allows, so that a slow connection coalesces instead of queueing. */
const WINDOW = 64;

export class Pending {
  #batches: Batch[] = [];
  #recent = new Recent();
  /** The highest cid that was called saved; 0 for none. */
  savedCid = 0;
  /** The highest cid that was ever given or heard of. */
  highestCid = 0;
  #nextKey: number;
  /** The cid that a batch without one will get. */
  #nextCid = 1;
  /** The cid that is sent next; undefined when there is no session. */
  #cursor: number | undefined;
  #window = WINDOW;
  /** After a temporary refusal, nothing is sent before this time. */
  pause = 0;
  /** Why the server took nothing when it was asked last. */
  heldBack: Code | undefined;
  #echoes = new Echoes();

  /** @param firstKey of the first batch: higher than every key of an earlier page whose batches are adopted */
  constructor(firstKey = 1) {
    this.#nextKey = firstKey;
  }

  /** All batches that are not saved, in order. */
  get all(): readonly Batch[] {
    return this.#batches;
  }

  get counts(): Tally {
    return tally(this.#batches);
  }

  /** Batches that are shown on top of the server's state. */
  *layers(): Generator<Batch> {
    for (const batch of this.#batches) if (!batch.inBase && batch.answer !== 'refused') yield batch;
  }

  add(ops: readonly Op[], body: Uint8Array, durable: boolean, gesture: number | undefined, madeAt: number): Batch {
    const batch = newBatch(this.#nextKey++, ops, body, durable, gesture, madeAt);
    this.#batches.push(batch);
    return batch;
  }

  /** Goes on with what an earlier page of this client id has left; what was made here meanwhile comes after it. */
  adopt(kept: readonly KeptBatch[], savedCid: number, highestCid: number): void {
    const batches = kept.map(adopted);
    this.#batches = [...batches, ...this.#batches];
    this.#nextCid = Math.max(savedCid, ...kept.map(({ cid }) => cid ?? 0)) + 1;
    // They may have been sent after they were kept: then as these.
    for (const batch of batches) batch.cid ??= this.#nextCid++;
    [this.savedCid, this.highestCid] = [savedCid, Math.max(highestCid, this.#nextCid - 1)];
    // Their ops are not known here: should they turn out to be lost, only their number can be told.
    if (savedCid > 0) this.#recent.forget(savedCid);
  }

  /** The last batch, if it was never sent: only such a batch may still be changed. */
  get open(): Batch | undefined {
    const last = this.#batches.at(-1);
    return last?.cid === undefined ? last : undefined;
  }

  /** The batches to send now, in order. They count as sent. @param may whether a batch may be sent already; none after one that may not */
  take(now: number, may: (batch: Batch) => boolean = () => true): Batch[] {
    if (this.#cursor === undefined || now < this.pause) return [];
    const taken: Batch[] = [];
    let underWay = 0;
    for (const batch of this.#batches) {
      if (placeOf(batch) < this.#cursor) {
        if (batch.answer === 'waiting') underWay += 1;
        continue;
      }
      if (underWay >= this.#window || !may(batch)) break;
      if (batch.cid === undefined) {
        batch.cid = this.#nextCid++;
        this.highestCid = Math.max(this.highestCid, batch.cid);
      }
      this.#cursor = batch.cid + 1;
      underWay += 1;
      taken.push(batch);
    }
    return taken;
  }

  /** Whether `take` would give something if the time were right. */
  get hasUnsentWork(): boolean {
    const cursor = this.#cursor;
    const last = this.#batches.at(-1);
    return cursor !== undefined && last !== undefined && placeOf(last) >= cursor;
  }

  /** The session is over. */
  stop(): void {
    [this.#cursor, this.pause, this.heldBack] = [undefined, 0, undefined];
  }

  /** Whether a server whose last cid of ours is this one lacks batches that were called saved: they are gone from here. */
  isBehind(last: number): boolean {
    return last < this.savedCid;
  }

  /**
   * A session begins, or begins again: resend everything above `last`. What is not above was answered while we were away; how, is known
   * only when the sync is through (`ack`).
   * @throws CanvasError `client_id_in_use`
   */
  welcome(last: number, window: number): void {
    if (last > this.highestCid && this.#batches.some(({ cid }) => cid !== undefined)) {
      // Somebody else has sent batches under our numbers: which of ours the server has, nobody can say.
      throw new CanvasError('client_id_in_use', 'this client id has batches from elsewhere');
    }
    // Sent by an earlier page, so this one never knew their ops.
    if (last > this.highestCid) this.#recent.forget(last);
    this.highestCid = Math.max(this.highestCid, last);
    this.#nextCid = Math.max(this.#nextCid, last + 1);
    this.stop();
    this.#cursor = last + 1;
    this.#window = Math.min(WINDOW, window);
    this.#echoes = new Echoes();
    for (const batch of this.#batches) {
      if (placeOf(batch) <= last || batch.answer !== 'accepted') continue;
      batch.answer = 'waiting';
      batch.course.move('kept');
    }
  }

  /** A snapshot has replaced the state: it contains every batch up to `last`, and none that the server has lost. */
  snapshot(last: number): void {
    for (const batch of this.#batches) batch.inBase = placeOf(batch) <= last;
  }

  /** The stream brought our own commit. @returns the batch, if it is still pending */
  committed(cid: number, code: string | undefined, now: number): Batch | undefined {
    this.#usedUp(cid);
    const batch = this.#find(cid);
    if (batch === undefined) return undefined;
    batch.inBase = true;
    if (code === undefined) this.#accept(batch, now);
    else batch.answer = 'refused';
    batch.code = code;
    return batch;
  }

  /** Every batch up to `cid` is answered; those that were not refused are accepted. */
  ack(cid: number, now: number): void {
    this.heldBack = undefined;
    this.#usedUp(cid);
    for (const batch of this.#batches) {
      if (placeOf(batch) > cid) break;
      if (batch.answer === 'waiting') this.#accept(batch, now);
    }
  }

  /** @returns the batches that the application must hear of */
  reject(reject: Reject, now: number): Refused[] {
    switch (reject.kind) {
      case 'final': {
        const batch = this.#find(reject.cid);
        if (batch === undefined) return [];
        batch.answer = 'refused';
        batch.code = reject.code;
        return this.#report(batch, reject.code, reject.message, reject);
      }
      case 'temporary':
        this.#echoes.answered(reject.cid);
        this.#rewind(reject.cid);
        this.pause = Math.max(this.pause, now + (reject.retry_ms ?? 0));
        this.heldBack = reject.code;
        return [];
      case 'forbidden': {
        // A second copy of a batch that has been answered may be refused like this too; it does not count.
        const answered = this.#batches.filter(({ answer }) => answer !== 'waiting').at(-1)?.cid ?? 0;
        const first = Math.max(reject.cid, answered + 1, this.savedCid + 1);
        const refused = this.#discard((batch) => placeOf(batch) >= first, reject.code, reject.message, reject);
        // The cid is not used up, so the next batch takes it.
        this.#nextCid = Math.min(this.#nextCid, first);
        this.#rewind(first);
        return refused;
      }
    }
  }

  /** A cid was skipped: go back, once for all the batches that were under way behind it. */
  gap(expected: number): void {
    if (!this.#echoes.isOne(expected, this.#cursor ?? 0)) this.#rewind(expected);
  }

  /** Batches up to `cid` are durable: only now may they be forgotten. @returns whether one was still a layer */
  saved(cid: number): boolean {
    this.savedCid = Math.max(this.savedCid, cid);
    let wasLayer = false;
    for (const batch of this.#batches) {
      if (placeOf(batch) > cid) continue;
      wasLayer ||= !batch.inBase;
      if (batch.answer === 'refused') continue;
      batch.course.move('saved');
      this.#recent.keep({ ...batch, cid: placeOf(batch) });
    }
    this.#batches = this.#batches.filter((batch) => placeOf(batch) > cid);
    return wasLayer;
  }

  /** What was called saved and is refused now: a store that has forgotten it was sent another copy. */
  brokenBy(cid: number): LostBatch[] {
    return this.#recent.take(cid);
  }

  /** Refusals that the stream told and no `reject` explained, up to `cid`. */
  unreported(cid: number): Refused[] {
    return this.#batches
      .filter((batch) => batch.answer === 'refused' && !batch.isReported && placeOf(batch) <= cid)
      .flatMap((batch) => this.#report(batch, batch.code ?? 'refused', 'the batch was refused', undefined));
  }

  /**
   * Starts a new life at cid 1.
   * @param last given when the server is known to have nothing of ours above it: what it lacks and we still hold is then sent again,
   * and cannot take effect twice. Otherwise nobody knows, and nothing is sent again.
   */
  renew(code: string, message: string, last: number | undefined): Ended {
    const isResent = last !== undefined;
    const lost = isResent ? this.#recent.after(last) : [];
    const forgotten = isResent ? this.#recent.forgotten(last) : 0;
    for (const batch of this.#batches) {
      if (batch.answer !== 'accepted') continue;
      lost.push(whatIsLost(batch, isResent));
      if (!isResent) batch.course.fail('lost', new CanvasError(code, message));
    }
    const kept = isResent ? this.#batches.filter(({ answer }) => answer !== 'refused') : [];
    for (const batch of kept) {
      batch.cid = undefined;
      batch.answer = 'waiting';
      batch.course.move('kept');
    }
    const refused = this.#discard((batch) => !kept.includes(batch), code, message, undefined);
    this.#batches = kept;
    this.#recent = new Recent();
    [this.#nextCid, this.highestCid, this.savedCid] = [1, 0, 0];
    this.stop();
    return { refused, lost, forgotten };
  }

  /** Nothing will ever be sent again. @returns what is not known to be saved */
  giveUp(code: string, message: string): LostBatch[] {
    const lost = this.#batches.filter(({ answer }) => answer !== 'refused');
    for (const { course } of lost) course.fail('lost', new CanvasError(code, message));
    return lost.map((batch) => whatIsLost(batch, false));
  }

  #discard(which: (batch: Batch) => boolean, code: string, message: string, reject: Reject | undefined): Refused[] {
    const gone = this.#batches.filter(which);
    this.#batches = this.#batches.filter((batch) => !which(batch));
    return gone
      .filter((batch) => batch.answer === 'waiting' || (batch.answer === 'refused' && !batch.isReported))
      .flatMap((batch) => this.#report(batch, batch.code ?? code, message, reject));
  }

  #report(batch: Batch, code: string, message: string, reject: Reject | undefined): Refused[] {
    if (batch.isReported) return [];
    batch.isReported = true;
    batch.course.fail('refused', new CanvasError(code, message));
    return [{ batch, code, message, reject }];
  }

  #accept(batch: Batch, now: number): void {
    if (batch.answer !== 'accepted') batch.acceptedAt = now;
    batch.answer = 'accepted';
    batch.course.move('accepted');
  }

  /** The server has this cid: no other batch may take it, even if a copy of its batch was forbidden and given up here. */
  #usedUp(cid: number): void {
    this.#nextCid = Math.max(this.#nextCid, cid + 1);
  }

  #rewind(cid: number): void {
    if (this.#cursor !== undefined) this.#cursor = Math.min(this.#cursor, cid);
  }

  #find(cid: number): Batch | undefined {
    return this.#batches.find((batch) => batch.cid === cid);
  }
}
