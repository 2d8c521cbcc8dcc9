/**
 * One project as one client sees it: replica, pending batches and undo, and what every message of the server means for them.
 *
 * Pure but for the decompression of snapshots: no socket, no timer, no clock. `canvas.ts` feeds it from a WebSocket, the convergence
 * driver from a simulated network.
 */
import type { Batch, Refused } from './batch.js';
import { joinUpdates, partsOf } from './batches.js';
import { decodeOps, encodeOps } from './codec/frame.js';
import { Doubt } from './doubt.js';
import { asCanvasError, CanvasError, passing, serverError } from './errors.js';
import type { Loss, LostBatch } from './loss.js';
import { checkOps } from './ops.js';
import { Pending } from './pending.js';
import { DEFAULT_LIMITS } from './protocol.js';
import type { Ack, Commits, Gap, OurLimits, Op, Position, Reject, Role, Saved, Snapshot, Welcome, WireObject } from './protocol.js';
import { rejectedOf } from './rejected.js';
import { Replica } from './replica.js';
import type { Kept } from './keeper.js';
import { Leased } from './leased.js';
import { Course, type Receipt } from './receipt.js';
import { SnapshotAssembly } from './snapshot.js';
import type { SyncEvents } from './sync-events.js';
import { Undo, type Recording } from './undo.js';

/** How one batch is treated. */
export interface BatchOptions {
  /** Save at once instead of within the autosave interval. */
  readonly durable?: boolean;
  /** False: not an undo step. For undo it then counts like somebody else's edit. */
  readonly undo?: boolean;
}

/** A batch as it goes out. */
export interface Outgoing {
  readonly cid: number;
  /** Encoded ops, or the code of a refused batch. */
  readonly body: Uint8Array | string;
  readonly durable: boolean;
}

/** Messages that speak of batches and commits; they wait while a snapshot is put together. */
export type StreamMessage = Commits | Ack | Reject | Gap | Saved;

export class Sync {
  readonly replica = new Replica();
  readonly pending: Pending;
  readonly undoing: Undo;
  /** What the replica holds; undefined before the first snapshot. */
  position: Position | undefined;
  /** A first snapshot has been applied. */
  isSynced = false;
  limits: OurLimits = DEFAULT_LIMITS;
  /** Undefined before the first welcome. */
  role: Role | undefined;
  author: string | undefined;
  readonly leased = new Leased((id) => this.replica.view.get(id)?.lease, () => this.author);
  #assembly: SnapshotAssembly | undefined;
  #held: { message: StreamMessage; now: number }[] = [];
  /** The sync that a welcome announced leads here; undefined once there. */
  #target: Welcome | undefined;
  /** Highest cid known to be durable while that sync goes on. */
  #savedMeanwhile = 0;
  /** The last cid that a server has which lacks what it had called saved. */
  #behindAt: number | undefined;
  #gesture = 0;
  readonly #events: SyncEvents;
  readonly #doubt: Doubt;

  /** @param doubt decides when a breach of the promise is believed */
  constructor(undoDepth: number, events: SyncEvents, firstKey = 1, doubt = new Doubt()) {
    this.#events = events;
    this.#doubt = doubt;
    this.undoing = new Undo(undoDepth);
    this.pending = new Pending(firstKey);
  }

  // --- What the application does ---

  /**
   * Applies a batch locally and puts it into the queue.
   * @returns what becomes of it
   * @throws CanvasError with the refusal code, when the batch is invalid or the rules forbid it; nothing has changed then
   */
  batch(ops: readonly Op[], options: BatchOptions = {}, now = 0): Receipt {
    if (ops.length === 0) return Course.ended();
    this.#checkRole();
    checkOps(ops, this.limits);
    this.leased.check(ops, now);
    return this.#submit(ops, options.durable ?? false, options.undo === false ? undefined : 'edit', now).course;
  }

  /**
   * Makes the edits of a loss again that were called saved, as far as the rules allow it now.
   * @returns how many batches had something to do
   * @throws CanvasError `forbidden`
   */
  putBack(loss: Loss, now = 0): number {
    this.#checkRole();
    // The others are on their way already, or nobody knows whether they took effect.
    const missing = loss.batches.filter(({ was }) => was === 'saved');
    return missing.filter(({ ops }) => this.#replay(ops, 'edit', now)).length;
  }

  beginGesture(): void {
    if (!this.undoing.isInGesture) this.#gesture += 1;
    this.undoing.beginGesture();
  }

  endGesture(): void {
    this.undoing.endGesture();
  }

  /** Takes back the last step that still has an effect. @returns whether there was one @throws CanvasError `forbidden` */
  undo(now = 0): boolean {
    this.#checkRole();
    while (this.undoing.canUndo) if (this.#replay(this.undoing.takeUndo(this.replica.view), 'undo', now)) return true;
    return false;
  }

  redo(now = 0): boolean {
    this.#checkRole();
    while (this.undoing.canRedo) if (this.#replay(this.undoing.takeRedo(this.replica.view), 'redo', now)) return true;
    return false;
  }

  /** Goes on with what an earlier page of this client id has left. */
  adopt({ author, batches, savedCid, highestCid, position, objects, undo }: Kept): void {
    this.author = author;
    this.pending.adopt(batches, savedCid, highestCid);
    this.undoing.adopt(undo);
    if (position !== undefined) {
      this.replica.reset(objects);
      this.position = position;
      this.isSynced = true;
    }
    this.#showAll();
  }

  /** The batches to send now. They count as sent. @param may whether a batch may be sent already */
  take(now: number, may?: (batch: Batch) => boolean): Outgoing[] {
    return this.pending.take(now, may).map((batch) => ({
      cid: batch.cid as number, // `take` has given it one
      body: batch.answer === 'refused' ? (batch.code ?? 'refused') : batch.body,
      durable: batch.durable,
    }));
  }

  // --- What the server says ---

  /**
   * @throws CanvasError `client_id_in_use`, `history_lost`: this client id can no longer be used; `server_behind`: come again with it;
   * `server_error`
   */
  welcome(welcome: Welcome, now = 0): void {
    this.#abandon();
    // What the server knows of this client id, it knows of another user's: nothing here can be held against it.
    if ((this.author ?? welcome.author) !== welcome.author) throw new CanvasError('client_id_in_use', 'another user has come with this client id');
    [this.author, this.role] = [welcome.author, welcome.role];
    this.leased.serverAhead = welcome.now_ms - now;
    this.limits = { ...DEFAULT_LIMITS, ...welcome.limits };
    if (this.pending.isBehind(welcome.last)) this.#disbelieve(welcome.last, now);
    this.#doubt.clear();
    this.pending.welcome(welcome.last, welcome.limits.unacked_batches);
    this.#target = welcome;
    this.#savedMeanwhile = welcome.saved;
    if (welcome.sync === 'snapshot') {
      const install = (objects: WireObject[]): void => this.#guarded(() => this.#install(objects, welcome, now));
      this.#assembly = new SnapshotAssembly(install, (error) => this.#events.violated(error));
      return;
    }
    if (this.position === undefined || this.position.seq > welcome.position.seq) {
      throw serverError('the delta does not follow');
    }
    this.position = { ...this.position, epoch: welcome.position.epoch };
    this.#arrive(now);
  }

  snapshot(chunk: Snapshot): void {
    this.#assembly?.add(chunk);
  }

  /** @throws CanvasError `server_error` */
  receive(message: StreamMessage, now: number): void {
    if (this.#assembly !== undefined) this.#held.push({ message, now });
    else this.#apply(message, now);
  }

  /** The session is over. What was half received is forgotten. */
  lost(): void {
    this.#abandon();
    this.pending.stop();
  }

  /**
   * The client id has changed: the next session starts at cid 1. What the server has lost is told; what it is known not to have is kept and
   * sent again, everything else that was not accepted is refused.
   */
  renew(error: CanvasError, now = 0): void {
    this.lost();
    this.author = undefined;
    const { refused, lost, forgotten } = this.pending.renew(error.code, error.message, this.#behindAt);
    // Our state holds what the server has lost: only a snapshot shows what there is.
    if (this.#behindAt !== undefined) this.distrust();
    this.#behindAt = undefined;
    this.#doubt.clear();
    this.#report(refused);
    this.#relay();
    this.#lose(error, now, lost, forgotten);
  }

  /** There will be no session any more: tells what is not known to be saved. */
  giveUp(error: CanvasError, now: number): void {
    this.#lose(error, now, this.pending.giveUp(error.code, error.message));
  }

  /** Forgets the state, so that the next welcome brings a snapshot. Pending batches stay. */
  distrust(): void {
    this.position = undefined;
  }

  // --- How ---

  #checkRole(): void {
    if (this.role !== 'viewer' && this.role !== 'commenter') return;
    throw new CanvasError('forbidden', `a ${this.role} may not change objects`);
  }

  /** @throws CanvasError always */
  #disbelieve(last: number, now: number): never {
    this.pending.stop();
    if (!this.#doubt.isBelieved(now)) throw passing('server_behind', 'the server does not know yet what it had called saved');
    this.#behindAt = last;
    throw new CanvasError('history_lost', 'the server has lost changes that it had called saved');
  }

  #submit(ops: readonly Op[], durable: boolean, recording: Recording | undefined, now: number, isContinued = false): Batch {
    const body = encodeOps(ops, this.limits.value_depth);
    if (body.length > this.limits.batch_bytes) {
      throw new CanvasError('batch_too_large', `a batch may have ${this.limits.batch_bytes} bytes, not ${body.length}`);
    }
    // Decoding what will travel makes a copy that the application cannot change, and shows exactly what others will see.
    const copy = decodeOps(body);
    const outcome = this.replica.foretell(copy);
    if (!outcome.ok) throw new CanvasError(outcome.refusal.code, outcome.refusal.message);
    const gesture = recording === 'edit' && this.undoing.isInGesture ? this.#gesture : undefined;
    const batch = this.#joined(copy, durable, gesture) ?? this.pending.add(copy, body, durable, gesture, now);
    if (recording !== undefined) this.undoing.record(batch.key, outcome.effects, recording, isContinued);
    this.#events.changed(this.replica.push(batch, outcome), 'local');
    return batch;
  }

  /** Joins the ops to the last batch, if it was not sent yet and belongs to the same gesture: only the latest place of a drag matters. */
  #joined(ops: readonly Op[], durable: boolean, gesture: number | undefined): Batch | undefined {
    const { open } = this.pending;
    if (open === undefined || gesture === undefined || open.gesture !== gesture) return undefined;
    const joined = joinUpdates(open.ops, ops, this.limits);
    if (joined === undefined) return undefined;
    Object.assign(open, joined);
    open.durable ||= durable;
    return open;
  }

  /** Submits the ops of an undo or redo, leaving out what the rules no longer allow. */
  #replay(ops: readonly Op[], recording: Recording, now: number): boolean {
    const allowed = this.#allowed(ops.filter((op) => !this.leased.isByOthers(op, now)));
    let isContinued = false;
    for (const part of partsOf(allowed, this.limits)) {
      this.#submit(part, false, recording, now, isContinued);
      isContinued = true;
    }
    return allowed.length > 0;
  }

  #allowed(ops: readonly Op[]): readonly Op[] {
    let rest = ops;
    for (;;) {
      const outcome = this.replica.foretell(rest);
      if (outcome.ok) return rest;
      const { op } = outcome.refusal;
      rest = rest.filter((_, index) => index !== op);
    }
  }

  #apply(message: StreamMessage, now: number): void {
    switch (message.t) {
      case 'commits':
        return this.#commits(message, now);
      case 'ack':
        this.pending.ack(message.cid, now);
        return this.#report(this.pending.unreported(message.cid));
      case 'reject':
        this.#reject(message, now);
        return this.#relay();
      case 'gap':
        // It asks for what was saved and is gone from here: the next welcome tells more.
        if (this.pending.isBehind(message.expected - 1)) this.#disbelieve(message.expected - 1, now);
        return this.pending.gap(message.expected);
      case 'saved':
        this.#savedMeanwhile = Math.max(this.#savedMeanwhile, message.cid);
        return this.#arrive(now);
    }
  }

  #commits({ seq, id, commits }: Commits, now: number): void {
    const { position } = this;
    if (position === undefined || seq !== position.seq + 1) {
      throw serverError(`commit ${seq} does not follow ${position?.seq ?? 'anything'}`);
    }
    const shown = new Set<string>();
    try {
      for (const [index, [author, cid, changes, code]] of commits.entries()) {
        this.replica.commit(seq + index, changes, shown);
        if (author !== this.author) continue;
        const batch = this.pending.committed(cid, code, now);
        if (batch !== undefined) this.replica.drop(batch.key);
        else if (code !== undefined) this.#broken(cid, now);
      }
    } catch (error) {
      // Half a message is applied: this state is of no use as the start of a delta.
      this.distrust();
      throw error;
    }
    this.position = { epoch: position.epoch, seq: seq + commits.length - 1, id };
    this.#rebase(shown);
    this.#arrive(now);
  }

  #reject(reject: Reject, now: number): void {
    if (reject.kind === 'final') this.#broken(reject.cid, now);
    this.#report(this.pending.reject(reject, now));
  }

  /** A batch is refused; if it had been called saved, that is a loss. */
  #broken(cid: number, now: number): void {
    const loss = { code: 'history_lost', message: 'the server has refused a change that it had called saved' };
    this.#lose(loss, now, this.pending.brokenBy(cid));
  }

  #lose({ code, message }: Pick<Loss, 'code' | 'message'>, at: number, batches: readonly LostBatch[], forgotten = 0): void {
    if (batches.length + forgotten > 0) this.#events.lost({ code, message, at, batches, forgotten });
  }

  #install(objects: WireObject[], welcome: Welcome, now: number): void {
    const held = this.#held;
    this.#abandon();
    this.replica.reset(objects);
    this.pending.snapshot(welcome.last);
    this.position = welcome.position;
    this.isSynced = true;
    // A snapshot does not tell of refusals, so the server has repeated them: before anything is taken for accepted, and forgotten as saved.
    for (const { message, now } of held) if (message.t === 'reject' && message.kind === 'final') this.#reject(message, now);
    this.#showAll();
    this.#target = welcome;
    this.#arrive(now);
    for (const { message, now } of held) this.#apply(message, now);
    this.#events.installed();
  }

  /** Forgets batches that are durable, once the replica holds their commits. */
  #arrive(now: number): void {
    const [target, position] = [this.#target, this.position];
    if (target !== undefined) {
      if (position === undefined || position.seq < target.position.seq) return;
      this.#target = undefined;
      this.#report(this.pending.unreported(target.last));
      this.pending.ack(target.last, now);
    }
    this.#report(this.pending.unreported(this.#savedMeanwhile));
    if (this.pending.saved(this.#savedMeanwhile)) this.#relay();
  }

  #abandon(): void {
    this.#assembly?.cancel();
    [this.#assembly, this.#held, this.#target] = [undefined, [], undefined];
  }

  /** A whole new state is there: shows it, with the batches that are not in it. */
  #showAll(): void {
    for (const batch of this.pending.layers()) this.replica.lay(batch);
    this.replica.rebase(new Set());
    this.#events.changed('all', 'reset');
  }

  /** Shows exactly the batches that are still to be shown. */
  #relay(): void {
    this.replica.keep(new Set([...this.pending.layers()].map(({ key }) => key)));
    this.#rebase(new Set());
  }

  #rebase(shown: Set<string>): void {
    this.replica.rebase(shown);
    if (shown.size > 0) this.#events.changed(shown, 'remote');
  }

  #report(refused: readonly Refused[]): void {
    for (const one of refused) {
      this.undoing.refused(one.batch.key);
      this.#events.rejected(rejectedOf(one));
    }
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#events.violated(asCanvasError(error));
    }
  }
}
