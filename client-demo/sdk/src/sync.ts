/**
 * One project as one client sees it: replica, pending batches and undo, and what every message of the server means for them.
 *
 * Pure but for the decompression of snapshots: no socket, no timer, no clock. `canvas.ts` feeds it from a WebSocket, the convergence
 * driver from a simulated network.
 */
import { decodeOps, encodeOps } from './codec/frame.js';
import { CanvasError } from './errors.js';
import type { CanvasObject } from './object.js';
import { checkOps } from './ops.js';
import { Pending, type Batch, type Refused } from './pending.js';
import type { Ack, Commits, Gap, Limits, Op, Position, Reject, Role, Saved, Snapshot, Welcome, WireObject } from './protocol.js';
import { Replica } from './replica.js';
import { SnapshotAssembly } from './snapshot.js';
import { Undo, type Recording } from './undo.js';
import { merged } from './value.js';

/** What holds until a `welcome` says otherwise (PROTOCOL §8). */
const DEFAULT_LIMITS: Limits = {
  frame_bytes: 1_048_576,
  batch_ops: 500,
  batch_bytes: 262_144,
  object_bytes: 262_144,
  objects: 50_000,
  project_bytes: 52_428_800,
  value_depth: 32,
  presence_bytes: 2_048,
  broadcast_bytes: 8_192,
  unacked_batches: 256,
};

/** A batch of ours that did not take effect. */
export interface Rejected {
  /** A refusal code of PROTOCOL §3, or the name of the close code that ended this client id. */
  readonly code: string;
  readonly message: string;
  readonly ops: readonly Op[];
  /** The batch's number, if it was ever sent. */
  readonly cid?: number;
  /** Index in `ops` of the op that was refused, if one was. */
  readonly op?: number;
  /** That op's object, and what it is now; null: it does not exist. */
  readonly id?: string;
  readonly current?: CanvasObject | null;
}

export interface SyncEvents {
  /** Objects look different now. */
  changed(ids: ReadonlySet<string> | 'all', source: 'local' | 'remote' | 'reset'): void;
  rejected(rejected: Rejected): void;
  /** A snapshot has been applied, perhaps long after its last message: it may have been decompressed in the background. */
  installed(): void;
  /** The server said something that cannot be. */
  violated(error: CanvasError): void;
}

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
  readonly pending = new Pending();
  readonly undoing: Undo;
  /** What the replica holds; undefined before the first snapshot. */
  position: Position | undefined;
  /** A first snapshot has been applied. */
  isSynced = false;
  limits: Limits = DEFAULT_LIMITS;
  /** Undefined before the first welcome. */
  role: Role | undefined;
  private author: string | undefined;
  private assembly: SnapshotAssembly | undefined;
  private held: { message: StreamMessage; now: number }[] = [];
  /** The sync that a welcome announced leads here; undefined once there. */
  private target: Welcome | undefined;
  /** Highest cid known to be durable while that sync goes on. */
  private savedMeanwhile = 0;
  private gesture = 0;

  constructor(
    undoDepth: number,
    private readonly events: SyncEvents,
  ) {
    this.undoing = new Undo(undoDepth);
  }

  // --- What the application does ---

  /**
   * Applies a batch locally and puts it into the queue.
   * @throws CanvasError with the refusal code, when the batch is invalid or the rules forbid it; nothing has changed then
   */
  batch(ops: readonly Op[], options: BatchOptions = {}): void {
    if (ops.length === 0) return;
    this.checkRole();
    checkOps(ops, this.limits);
    this.submit(ops, options.durable ?? false, options.undo === false ? undefined : 'edit');
  }

  beginGesture(): void {
    if (!this.undoing.isInGesture) this.gesture += 1;
    this.undoing.beginGesture();
  }

  endGesture(): void {
    this.undoing.endGesture();
  }

  /**
   * Takes back the last step that still has an effect.
   * @returns whether there was one
   * @throws CanvasError `forbidden`
   */
  undo(): boolean {
    this.checkRole();
    while (this.undoing.canUndo) if (this.replay(this.undoing.takeUndo(this.replica.view), 'undo')) return true;
    return false;
  }

  redo(): boolean {
    this.checkRole();
    while (this.undoing.canRedo) if (this.replay(this.undoing.takeRedo(this.replica.view), 'redo')) return true;
    return false;
  }

  /** The batches to send now. They count as sent. */
  take(now: number): Outgoing[] {
    return this.pending.take(now).map((batch) => ({
      cid: batch.cid as number, // `take` has given it one
      body: batch.answer === 'refused' ? (batch.code ?? 'refused') : batch.body,
      durable: batch.durable,
    }));
  }

  // --- What the server says ---

  /** @throws CanvasError `history_lost` when this client id can no longer be used; `server_error` */
  welcome(welcome: Welcome): void {
    this.abandon();
    this.author = welcome.author;
    this.role = welcome.role;
    this.limits = { ...DEFAULT_LIMITS, ...welcome.limits };
    this.pending.welcome(welcome.last, this.limits.unacked_batches);
    this.target = welcome;
    this.savedMeanwhile = welcome.saved;
    if (welcome.sync === 'snapshot') {
      this.assembly = new SnapshotAssembly(
        (objects) => this.guarded(() => this.install(objects, welcome)),
        (error) => this.events.violated(error),
      );
      return;
    }
    if (this.position === undefined || this.position.seq > welcome.position.seq) {
      throw new CanvasError('server_error', 'a delta that does not start at our position', { retry: true });
    }
    this.position = { ...this.position, epoch: welcome.position.epoch };
    this.arrive();
  }

  snapshot(chunk: Snapshot): void {
    this.assembly?.add(chunk);
  }

  /** @throws CanvasError `server_error` */
  receive(message: StreamMessage, now: number): void {
    if (this.assembly !== undefined) this.held.push({ message, now });
    else this.apply(message, now);
  }

  /** The session is over. What was half received is forgotten. */
  lost(): void {
    this.abandon();
    this.pending.stop();
  }

  /** The client id has changed: the next session starts at cid 1, and what was not accepted is reported. */
  renew(error: CanvasError): void {
    this.lost();
    this.author = undefined;
    this.report(this.pending.renew(error.code, error.message));
    this.relay();
  }

  /** Forgets the state, so that the next welcome brings a snapshot. Pending batches stay. */
  distrust(): void {
    this.position = undefined;
  }

  // --- How ---

  private checkRole(): void {
    if (this.role !== 'viewer' && this.role !== 'commenter') return;
    throw new CanvasError('forbidden', `a ${this.role} may not change objects`);
  }

  private submit(ops: readonly Op[], durable: boolean, recording: Recording | undefined, isContinued = false): void {
    const body = encodeOps(ops, this.limits.value_depth);
    if (body.length > this.limits.batch_bytes) {
      throw new CanvasError('batch_too_large', `a batch may have ${this.limits.batch_bytes} bytes, not ${body.length}`);
    }
    // Decoding what will travel makes a copy that the application cannot change, and shows exactly what others will see.
    const copy = decodeOps(body);
    const outcome = this.replica.foretell(copy);
    if (!outcome.ok) throw new CanvasError(outcome.refusal.code, outcome.refusal.message);
    const gesture = recording === 'edit' && this.undoing.isInGesture ? this.gesture : undefined;
    const batch = this.joined(copy, durable, gesture) ?? this.pending.add(copy, body, durable, gesture);
    if (recording !== undefined) this.undoing.record(batch.key, outcome.effects, recording, isContinued);
    this.events.changed(this.replica.push(batch, outcome), 'local');
  }

  /** Joins the ops to the last batch, if it was not sent yet and belongs to the same gesture: only the latest place of a drag matters. */
  private joined(ops: readonly Op[], durable: boolean, gesture: number | undefined): Batch | undefined {
    const { open } = this.pending;
    if (open === undefined || gesture === undefined || open.gesture !== gesture) return undefined;
    const union = joinUpdates(open.ops, ops);
    if (union === undefined) return undefined;
    const body = encodeOps(union, this.limits.value_depth);
    if (body.length > this.limits.batch_bytes) return undefined;
    open.ops = union;
    open.body = body;
    open.durable ||= durable;
    return open;
  }

  /** Submits the ops of an undo or redo, leaving out what the rules no longer allow. */
  private replay(ops: readonly Op[], recording: Recording): boolean {
    const allowed = this.allowed(ops);
    let isContinued = false;
    for (const part of partsOf(allowed, this.limits)) {
      this.submit(part, false, recording, isContinued);
      isContinued = true;
    }
    return allowed.length > 0;
  }

  private allowed(ops: readonly Op[]): readonly Op[] {
    let rest = ops;
    for (;;) {
      const outcome = this.replica.foretell(rest);
      if (outcome.ok) return rest;
      const { op } = outcome.refusal;
      rest = rest.filter((_, index) => index !== op);
    }
  }

  private apply(message: StreamMessage, now: number): void {
    switch (message.t) {
      case 'commits':
        return this.commits(message);
      case 'ack':
        this.pending.ack(message.cid);
        return this.report(this.pending.unreported(message.cid));
      case 'reject':
        this.report(this.pending.reject(message, now));
        return this.relay();
      case 'gap':
        return this.pending.gap(message.expected);
      case 'saved':
        this.savedMeanwhile = Math.max(this.savedMeanwhile, message.cid);
        return this.arrive();
    }
  }

  private commits({ seq, id, commits }: Commits): void {
    const { position } = this;
    if (position === undefined || seq !== position.seq + 1) {
      throw new CanvasError('server_error', `commit ${seq} does not follow ${position?.seq ?? 'anything'}`, { retry: true });
    }
    const shown = new Set<string>();
    try {
      for (const [index, [author, cid, changes, code]] of commits.entries()) {
        this.replica.commit(seq + index, changes, shown);
        const batch = author === this.author ? this.pending.committed(cid, code) : undefined;
        if (batch !== undefined) this.replica.drop(batch.key);
      }
    } catch (error) {
      // Half a message is applied: this state is of no use as the start of a delta.
      this.distrust();
      throw error;
    }
    this.position = { epoch: position.epoch, seq: seq + commits.length - 1, id };
    this.rebase(shown);
    this.arrive();
  }

  private install(objects: WireObject[], welcome: Welcome): void {
    const { held } = this;
    this.abandon();
    this.replica.reset(objects);
    this.pending.snapshot(welcome.last);
    this.position = welcome.position;
    this.isSynced = true;
    for (const batch of this.pending.layers()) this.replica.lay(batch);
    this.replica.rebase(new Set());
    this.events.changed('all', 'reset');
    this.target = welcome;
    this.arrive();
    for (const { message, now } of held) this.apply(message, now);
    this.events.installed();
  }

  /** Forgets batches that are durable, once the replica holds their commits. */
  private arrive(): void {
    const { target, position } = this;
    if (target !== undefined) {
      if (position === undefined || position.seq < target.position.seq) return;
      this.target = undefined;
      this.report(this.pending.unreported(target.last));
    }
    if (this.pending.saved(this.savedMeanwhile)) this.relay();
  }

  private abandon(): void {
    this.assembly?.cancel();
    this.assembly = undefined;
    this.held = [];
    this.target = undefined;
  }

  /** Shows exactly the batches that are still to be shown. */
  private relay(): void {
    this.replica.keep(new Set([...this.pending.layers()].map(({ key }) => key)));
    this.rebase(new Set());
  }

  private rebase(shown: Set<string>): void {
    this.replica.rebase(shown);
    if (shown.size > 0) this.events.changed(shown, 'remote');
  }

  private report(refused: readonly Refused[]): void {
    for (const { batch, code, message, reject } of refused) {
      this.undoing.refused(batch.key);
      const { op, id, current } = reject ?? {};
      this.events.rejected({
        code,
        message,
        ops: batch.ops,
        ...(batch.cid !== undefined && { cid: batch.cid }),
        ...(op !== undefined && { op }),
        ...(id !== undefined && { id }),
        ...(current !== undefined && { current: current && { id: current[0], rev: current[1], props: current[2] } }),
      });
    }
  }

  private guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!(error instanceof CanvasError)) throw error;
      this.events.violated(error);
    }
  }
}

/** Two batches of plain updates on the same objects as one; undefined when they are anything else. */
function joinUpdates(first: readonly Op[], second: readonly Op[]): Op[] | undefined {
  if (first.length !== second.length) return undefined;
  const result: Op[] = [];
  for (const [index, a] of first.entries()) {
    const b = second[index];
    if (a.op !== 'update' || b?.op !== 'update' || a.id !== b.id || isConditional(a) || isConditional(b)) return undefined;
    const unset = new Set([...(a.unset ?? []), ...(b.unset ?? [])]);
    for (const name of Object.keys(b.set ?? {})) unset.delete(name);
    const set = merged(a.set ?? {}, b.set ?? {}, b.unset);
    result.push({ op: 'update', id: a.id, set, ...(unset.size > 0 && { unset: [...unset] }) });
  }
  return result;
}

function isConditional(op: Op): boolean {
  return (op.op !== 'create' && op.if_rev !== undefined) || op.if_absent !== undefined;
}

/** Splits the ops of a large undo step so that each part fits into a batch. */
function partsOf(ops: readonly Op[], limits: Limits): Op[][] {
  const parts: Op[][] = [];
  let part: Op[] = [];
  // An array's header takes up to five bytes, and so does each op's share of rounding: leave some room.
  const room = limits.batch_bytes - 16;
  let bytes = 0;
  for (const op of ops) {
    const size = encodeOps([op], limits.value_depth).length;
    if (part.length > 0 && (part.length >= limits.batch_ops || bytes + size > room)) {
      parts.push(part);
      part = [];
      bytes = 0;
    }
    part.push(op);
    bytes += size;
  }
  if (part.length > 0) parts.push(part);
  return parts;
}
