/** One client of the simulation: an SDK replica, its end of a connection, and what the application on it was told. */
import { decodeValue, encodeValue } from '../src/codec/frame.js';
import { jsonFromMsgpack, msgpackFromJson } from '../src/codec/json.js';
import { CanvasError } from '../src/errors.js';
import type { Loss } from '../src/loss.js';
import type { Batch } from '../src/batch.js';
import type { Kept } from '../src/keeper.js';
import { wireProps } from '../src/object.js';
import type { ServerMessage, WireObject } from '../src/protocol.js';
import { undoOf, valueOfUndo } from '../src/offline/steps.js';
import type { Rejected } from '../src/rejected.js';
import type { Props, Value } from '../src/value.js';
import { Sync } from '../src/sync.js';
import { randomOps } from './random-ops.js';
import type { Random } from './random.js';
import { SimAccess } from './sim-access.js';
import { Credulity, mistaken, type Mistake } from './sim-mistake.js';
import type { Session, Upstream } from './sim-session.js';

const NOTHING: Kept = { clientId: '', savedCid: 0, highestCid: 0, batches: [], position: undefined, objects: [], undo: { done: [], undone: [] } };

/** A value as it comes out of a database again. */
const stored = (value: Value): Value => decodeValue(encodeValue(value));

export class SimClient {
  sync: Sync;
  /** What outlives the page, as it was written last. */
  private disk: Kept = NOTHING;
  up: Upstream[] = [];
  down: ServerMessage[] = [];
  session: Session | undefined;
  readonly access = new SimAccess();
  isConnected = false;
  author: string;
  readonly firstAuthor: string;
  /** Every batch that was made here and that this client id still answers for. */
  made = new Set<Batch>();
  /** Those of client ids that have ended. */
  readonly abandoned = new Set<Batch>();
  readonly losses: Loss[] = [];
  /** Its batches that a breach has lost: ops by cid. */
  breached: ReadonlyMap<number, Uint8Array> = new Map();
  /** Batches whose refusal the application was told of, as "author cid". */
  readonly refused = new Set<string>();
  /** The batches that were under way once more when the server lost its history: whatever it had answered, it may now take them. */
  readonly again = new Set<string>();
  /** Batches that the application was told are saved, as "author cid". */
  readonly saved = new Set<string>();
  /** Bodies by "author cid", as they were first sent. */
  readonly bodies = new Map<string, Uint8Array>();
  private acked = new Set<number>();
  private life = 0;

  constructor(
    private readonly letter: string,
    private readonly encoding: 'msgpack' | 'json',
    private readonly mistake: Mistake | undefined,
  ) {
    this.author = this.firstAuthor = this.nameOfLife();
    this.sync = this.newSync(1);
  }

  private newSync(firstKey: number): Sync {
    const fail = (error: CanvasError): never => {
      throw error;
    };
    const events = {
      changed: () => {},
      rejected: (rejected: Rejected) => this.toldOfRefusal(rejected),
      lost: (loss: Loss) => void this.losses.push(loss),
      installed: () => {},
      violated: fail,
    };
    return new Sync(60, events, firstKey, this.mistake === 'credulous' ? new Credulity() : undefined);
  }

  // --- The page ---

  /** Keeps the work, as the keeper does: what is new of the batches at once, the server's state as well when it has to do with that. */
  write(random: Random): void {
    const { pending, position, replica, undoing } = this.sync;
    const written = new Map(this.disk.batches.map((batch) => [batch.key, batch]));
    const keys = new Set(pending.all.map(({ key }) => key));
    const isBound =
      this.disk.batches.some(({ key }) => !keys.has(key)) || pending.all.some(({ key, inBase }) => inBase !== (written.get(key)?.inBase ?? false));
    const objects = (): WireObject[] => [...replica.confirmed.values()].map((object) => [object.id, object.rev, stored(wireProps(object)) as Props]);
    this.disk = {
      clientId: '',
      savedCid: pending.savedCid,
      highestCid: pending.highestCid,
      batches: pending.all.map((batch) => ({ ...batch })),
      undo: undoOf(stored(valueOfUndo(undoing.steps))),
      ...(isBound || random.chance(0.5) ? { position, objects: objects() } : { position: this.disk.position, objects: this.disk.objects }),
    };
  }

  private isWritten(batch: Batch): boolean {
    return this.mistake === 'hasty' || this.disk.batches.some(({ key, body }) => key === batch.key && body === batch.body);
  }

  /** The tab dies, and another takes over what it had written. @returns how many batches nobody knows any more: none of them was sent */
  reload(firstKey: number): number {
    this.leave();
    this.sync = this.newSync(firstKey);
    this.sync.adopt({ ...this.disk, batches: this.disk.batches.map((batch) => ({ ...batch })), objects: this.disk.objects.map(([id, rev, props]) => [id, rev, stored(props) as Props]) });
    const adopted = new Map(this.sync.pending.all.map((batch) => [batch.key, batch]));
    let gone = 0;
    for (const batch of [...this.made]) {
      const isOver = batch.cid !== undefined && batch.cid <= this.disk.savedCid;
      if (isOver && !adopted.has(batch.key)) continue;
      this.made.delete(batch);
      if (adopted.has(batch.key)) continue;
      if (batch.cid !== undefined && this.mistake !== 'hasty') throw new Error(`${this.name(batch.cid)} was sent before it was kept`);
      gone += 1;
    }
    this.note();
    return gone;
  }

  name(cid: number): string {
    return `${this.author} ${cid}`;
  }

  /** What has left as ops may still be taken, if its refusal is lost with the history that it is in. */
  noteUnderWay(cid?: number): void {
    for (const message of this.up) {
      if (message.t === 'batch' && typeof message.body !== 'string' && (cid ?? message.cid) === message.cid) this.again.add(this.name(message.cid));
    }
  }

  /** The server has lost its history: the same goes for refusals that are still to be heard, of batches that may be sent again meanwhile. */
  noteLost(): void {
    this.noteUnderWay();
    const cids = this.down.flatMap((message) => {
      if (message.t === 'reject') return [message.cid];
      if (message.t !== 'commits') return [];
      return message.commits.filter(([author, , , code]) => author === this.author && code !== undefined).map(([, cid]) => cid);
    });
    for (const name of cids.map((cid) => this.name(cid))) if (!this.refused.has(name)) this.again.add(name);
  }

  note(): void {
    for (const batch of this.sync.pending.all) this.made.add(batch);
    for (const { cid, course } of this.made) if (course.state === 'saved') this.saved.add(this.name(cid ?? 0));
  }

  // --- The application ---

  edit(random: Random, now: number): void {
    this.attempt(() => this.sync.batch(randomOps(random, this.sync.replica.view), { undo: random.chance(0.9), durable: random.chance(0.1) }, now));
  }

  undo(random: Random, now: number): void {
    this.attempt(() => (random.chance(0.6) ? this.sync.undo(now) : this.sync.redo(now)));
  }

  private attempt(edit: () => unknown): void {
    try {
      edit();
    } catch (error) {
      // The role forbids it, or the rules do in this state; an ordinary thing for random ops.
      if (!(error instanceof CanvasError)) throw error;
    }
  }

  gesture(): void {
    if (this.sync.undoing.isInGesture) this.sync.endGesture();
    else this.sync.beginGesture();
  }

  // --- The network ---

  flush(now: number): void {
    if (!this.isConnected) return;
    for (const { cid, body } of this.sync.take(now, (batch) => this.isWritten(batch))) {
      const sent = this.asSent(cid, body);
      if (sent === undefined) continue;
      // JSON is another way for the same bytes: the server makes MessagePack of it, and compares that.
      const travelled = typeof sent !== 'string' && this.encoding === 'json' ? msgpackFromJson(jsonFromMsgpack(sent)) : sent;
      if (typeof travelled !== 'string') this.compare(cid, travelled);
      this.up.push({ t: 'batch', cid, body: travelled });
    }
  }

  private compare(cid: number, body: Uint8Array): void {
    const first = this.bodies.get(this.name(cid));
    if (first === undefined) this.bodies.set(this.name(cid), body);
    else if (Buffer.compare(first, body) !== 0) throw new Error(`${this.name(cid)} is resent with other bytes`);
  }

  /** What leaves of a batch, with the mistake that this SDK has. */
  private asSent(cid: number, body: Uint8Array | string): Uint8Array | string | undefined {
    const batch = this.sync.pending.all.find((one) => one.cid === cid);
    return mistaken(this.mistake, body, { batch, wasAcked: this.acked.has(cid), wasSent: this.bodies.has(this.name(cid)) });
  }

  /** Puts a message into the queue to this client, as something that shares nothing with the server. */
  hear(message: ServerMessage): void {
    const bytes = encodeValue(message);
    this.down.push(decodeValue(this.encoding === 'json' ? msgpackFromJson(jsonFromMsgpack(bytes)) : bytes) as unknown as ServerMessage);
  }

  /** @returns false when there was nothing, or when the session ended over it */
  takeOne(now: number): boolean {
    const message = this.down.shift();
    if (message === undefined) return false;
    try {
      this.receive(message, now);
      this.note();
      return true;
    } catch (error) {
      if (!(error instanceof CanvasError)) throw error;
      if (error.code === 'history_lost') this.renew(error, now);
      else if (error.code === 'server_behind') this.leave();
      else throw error;
      return false;
    }
  }

  connect(): void {
    if (this.isConnected) return;
    this.isConnected = true;
    this.up = [{ t: 'hello', position: this.sync.position }];
    this.down = [];
  }

  leave(): void {
    this.isConnected = false;
    this.session = undefined;
    this.up = [];
    this.down = [];
    this.sync.lost();
  }

  private receive(message: ServerMessage, now: number): void {
    const { sync } = this;
    switch (message.t) {
      case 'welcome':
        return sync.welcome(message, now);
      case 'snapshot':
        return sync.snapshot(message);
      case 'permission':
        return void (sync.role = message.role);
      case 'ack':
        for (let cid = 1; cid <= message.cid; cid += 1) this.acked.add(cid);
        if (this.mistake === 'forget') sync.pending.saved(message.cid);
        return sync.receive(message, now);
      case 'saved':
      case 'commits':
      case 'reject':
      case 'gap':
        return sync.receive(message, now);
      default:
        throw new Error(`the simulation does not know ${message.t}`);
    }
  }

  private renew(error: CanvasError, now: number): void {
    this.leave();
    this.sync.renew(error, now);
    for (const batch of this.made) if (!this.sync.pending.all.includes(batch)) this.abandoned.add(batch);
    this.made = new Set(this.sync.pending.all);
    this.life += 1;
    this.author = this.nameOfLife();
    this.acked = new Set();
  }

  private toldOfRefusal({ cid = 0, code }: Rejected): void {
    if (code === 'forbidden') return this.givenUp(cid);
    this.refused.add(this.name(cid));
    this.noteUnderWay(cid);
  }

  /** Not taken by the server, which has used no number for it: this client answers for it no more, and another batch may have the number. */
  private givenUp(cid: number): void {
    this.bodies.delete(this.name(cid));
    for (const batch of this.made) if (batch.answer !== 'refused' && batch.course.state === 'refused') this.made.delete(batch);
  }

  /** Whether nothing is under way between it and a server that knows all. */
  get isSettled(): boolean {
    const { session, up, down } = this;
    return session !== undefined && !session.isLagging && !session.isStale && session.chunks.length + up.length + down.length === 0;
  }

  private nameOfLife(): string {
    return `Y2xpZW50${String.fromCharCode(97 + this.life)}${this.letter}A`;
  }
}
