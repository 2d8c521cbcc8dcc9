/**
 * The facade that applications use, and the only place where the parts are put together: socket, sync, presence, status.
 *
 * Owns the flush timers and the client id. Decides nothing about batches (`sync.ts`) or connections (`connection.ts`).
 */
import { decodeMessage, encodeBatch, encodeValue, msgpackEncoding, Names, type Encoding } from './codec/frame.js';
import { Company } from './company.js';
import { Emitter } from './emitter.js';
import type { CanvasEvents } from './events.js';
import { asCanvasError, CanvasError } from './errors.js';
import { HeldLease, type LeaseOptions } from './held-lease.js';
import { helloOf } from './hello.js';
import { Keeping } from './keeping.js';
import type { Lease } from './lease.js';
import type { Loss } from './loss.js';
import type { CanvasObject } from './object.js';
import type { CanvasOptions } from './options.js';
import { Pacer, type Job } from './pacer.js';
import { pageEvents } from './page.js';
import type { CanvasPresence } from './presence.js';
import type { ClientMessage, Mode, Op, Position, Role, ServerMessage, Welcome } from './protocol.js';
import type { Receipt } from './receipt.js';
import { globalWebSocket, newClientId, platform, type Runtime } from './runtime.js';
import type { Schema } from './schema.js';
import { Socket } from './socket.js';
import { StatusTeller, type Status, type StatusSource } from './status.js';
import { Sync, type BatchOptions } from './sync.js';
import { OpCollector, type Tx } from './tx.js';
import type { Props, Value } from './value.js';

/** Batches are collected for one frame of a 60 Hz screen at most. */
const FLUSH_MS = 16;
/** More than this waiting in the socket, and new batches wait here, where they can still be joined. */
const BUSY_BYTES = 64 * 1024;
/** How long `close` waits for the server to accept what is pending. */
const CLOSE_MS = 2_000;

/** One project, open. What its objects are, `Kinds` tells the compiler; through `Canvas<object>`, any canvas, no property can be set. */
export class Canvas<Kinds extends Schema<Kinds> = Props> {
  readonly #runtime: Runtime;
  readonly #encoding: Encoding;
  readonly #socket: Socket;
  readonly #sync: Sync;
  readonly #company: Company;
  readonly #names = new Names();
  readonly #emitter = new Emitter<CanvasEvents>();
  readonly #unwatch: (() => void) | undefined;
  #clientId: string;
  #mode: Mode = 'normal';
  #lastError: CanvasError | undefined;
  readonly #teller: StatusTeller;
  #pings = 0;
  readonly #batches: Pacer;
  readonly #leases = new Set<HeldLease>();
  readonly #keeping: Keeping;

  /** Presence: ours and everybody else's. */
  readonly presence: CanvasPresence;

  /** Prefer `connect`, which also starts connecting. */
  constructor(options: CanvasOptions) {
    this.#runtime = options.runtime ?? platform;
    this.#encoding = options.encoding ?? msgpackEncoding;
    this.#clientId = options.clientId ?? newClientId(this.#runtime);
    this.#sync = new Sync(options.undoDepth ?? 200, {
      changed: (ids, source) => this.#emitter.emit('change', { ids, source }),
      rejected: (rejected) => this.#emitter.emit('rejected', rejected),
      lost: (loss) => this.#emitter.emit('loss', loss),
      installed: () => this.#moveOn(),
      violated: (error) => this.#violated(error),
    }, this.#runtime.now() * 1_000);
    this.#keeping = new Keeping(options.keeper, options.url, this.#sync);
    const tellsActivity = this.#runtime.watchPage !== undefined && (options.tellActivity ?? true);
    this.#company = new Company(this.#runtime, options.presence, tellsActivity, {
      isOnline: () => this.#socket?.state.name === 'online',
      isFree: () => this.#socket.buffered < BUSY_BYTES,
      limits: () => this.#sync.limits,
      send: (message) => this.#send(message),
      changed: () => this.#emitter.emit('presence', undefined),
    });
    this.presence = this.#company.presence;
    this.#batches = new Pacer(this.#runtime, FLUSH_MS, this.#batchJob());
    this.#socket = new Socket(
      {
        url: options.url,
        subprotocol: this.#encoding.subprotocol,
        token: options.token,
        WebSocket: options.WebSocket ?? globalWebSocket(),
        runtime: this.#runtime,
      },
      {
        hello: (access) => this.#send(helloOf(this.#clientId, access, this.#company.greeting(), this.#sync)),
        renew: (access) => this.#send({ t: 'token', ...access }),
        frame: (frame) => this.#frame(frame),
        ping: () => this.#send({ t: 'ping', n: (this.#pings += 1) }),
        lost: () => this.#lost(),
        newClientId: (error) => this.#renew(error),
        report: (error) => this.#report(error),
        changed: () => this.#teller.update(),
      },
    );
    this.#teller = new StatusTeller(this.#runtime, () => this.#statusParts(), (status) => this.#emitter.emit('status', status));
    const isWarning = options.warnBeforeUnload ?? true;
    this.#unwatch = this.#runtime.watchPage?.(pageEvents(this.#socket, this.#company, this.#batches, () => isWarning && !this.isSafeToLeave));
  }

  // --- Objects ---

  /** The server's state with pending edits on top. Always the same map; listen to `change`. That objects are of the kinds named is the application's word. */
  get objects(): ReadonlyMap<string, CanvasObject<Kinds>> {
    return this.#sync.replica.view as ReadonlyMap<string, CanvasObject<unknown>> as ReadonlyMap<string, CanvasObject<Kinds>>;
  }

  /** All objects in drawing order; the same array until something changes. */
  ordered(): readonly CanvasObject<Kinds>[] {
    return this.#sync.replica.ordered() as readonly CanvasObject<Kinds>[];
  }

  /** One object; undefined while there is none of this id. */
  get(id: string): CanvasObject<Kinds> | undefined {
    return this.objects.get(id);
  }

  /**
   * Applies a batch: all or nothing, visible at once, one undo step unless inside a gesture.
   * @returns what becomes of it; batches of a drag that are sent as one share it
   * @throws CanvasError with a refusal code when the batch is invalid or the rules forbid it; nothing has changed then
   */
  batch(fn: (tx: Tx<Kinds>) => void, options?: BatchOptions): Receipt {
    this.#checkOpen();
    const tx = new OpCollector(() => this.#runtime.randomId(21));
    fn(tx as Tx<Kinds>);
    return this.#submit(tx.ops, options);
  }

  /** Fulfilled when everything made so far is in the durable store. @throws CanvasError when some of it was refused or lost */
  async whenSaved(): Promise<void> {
    await Promise.all(this.#sync.pending.all.map(({ course }) => course.saved));
  }

  /**
   * Whether nothing is lost if the page goes away now: every edit is accepted, so that the server keeps it whatever one of its parts
   * fails, and no part of it is known to fail; or kept for the next page.
   */
  get isSafeToLeave(): boolean {
    return this.#keeping.isComplete || (this.status.unsent === 0 && !this.status.stalled);
  }

  /**
   * Makes the edits of a loss again, as new ones: those that were called saved and that this page still has.
   * @returns how many batches had something to do
   * @throws CanvasError `forbidden`, `closed`
   */
  putBack(loss: Loss): number {
    return this.#again((now) => this.#sync.putBack(loss, now));
  }

  // --- Leases ---

  /**
   * Lets nobody else change objects while somebody types, say. Renewed until it is released, lost, or the page goes away.
   * @throws CanvasError `leased` when it is known already that somebody else has one of them; `forbidden`, `closed`
   */
  lease(ids: readonly string[], options: LeaseOptions = {}): HeldLease {
    this.#checkOpen();
    return new HeldLease(ids, options, this.#runtime, (ops) => this.#submit(ops, { undo: false }), this.#leases);
  }

  /** Who alone may change an object now; undefined: everybody. */
  leaseOf(id: string): (Lease & { readonly isOurs: boolean }) | undefined {
    return this.#sync.leased.of(id, this.#runtime.now());
  }

  /** This session's number, as in `Peer.session` and `Broadcast.from`; undefined before the first connection. */
  get session(): number | undefined {
    return this.#company.session;
  }

  /** What this user may do; undefined before the first connection. Listen to `status`, which has it too. */
  get role(): Role | undefined {
    return this.#sync.role;
  }

  /** Where the history stands that `objects` show, without pending edits; undefined before the first sync. */
  get position(): Position | undefined {
    return this.#sync.position;
  }

  /** How commits, leases and `Peer.author` name this page; undefined before the first connection. */
  get author(): string | undefined {
    return this.#sync.author;
  }

  // --- Undo ---

  /** Groups the batches of `fn` into one undo step. `fn` must be synchronous. */
  gesture<T>(fn: () => T): T {
    this.beginGesture();
    try {
      return fn();
    } finally {
      this.endGesture();
    }
  }

  /** Batches from here to `endGesture` are one undo step, for example a drag. */
  beginGesture(): void {
    this.#sync.beginGesture();
  }

  /** Ends what `beginGesture` began; gestures nest, and the outermost counts. */
  endGesture(): void {
    this.#sync.endGesture();
  }

  /** Takes back our last step, as far as nobody else has changed it since. @returns false when there was none @throws CanvasError `forbidden`, `closed` */
  undo(): boolean {
    return this.#again((now) => this.#sync.undo(now));
  }

  /** Makes again what was undone last. @returns false when there was nothing @throws CanvasError `forbidden`, `closed` */
  redo(): boolean {
    return this.#again((now) => this.#sync.redo(now));
  }

  /** Whether there is a step to take back. */
  get canUndo(): boolean {
    return this.#sync.undoing.canUndo;
  }

  /** Whether there is a step to make again. */
  get canRedo(): boolean {
    return this.#sync.undoing.canRedo;
  }

  // --- Others ---

  /**
   * Sends an ephemeral message to everybody else, to one session (its number) or to all of a user's (their id). Dropped while offline: it is about this moment.
   * @throws CanvasError `broadcast_too_large`
   */
  broadcast(topic: string, data: Value, to?: number | string): void {
    this.#company.broadcast(topic, data, to);
  }

  /** The connection, and what is not accepted or not saved yet; listen to `status`. */
  get status(): Status {
    return this.#teller.latest;
  }

  /** @returns removes the listener */
  on<Name extends keyof CanvasEvents>(event: Name, listener: (event: CanvasEvents<Kinds>[Name]) => void): () => void {
    return this.#emitter.on(event, listener as (event: CanvasEvents[Name]) => void);
  }

  // --- Connection ---

  /** Fulfilled when what an earlier page has left is taken over; at once without a keeper. Then it connects. */
  async whenOpened(): Promise<void> {
    this.#clientId = (await this.#keeping.open(() => this.#batches.request())) ?? this.#clientId;
    this.#moveOn();
    this.reconnect();
  }

  /** Connects now, instead of at the end of a wait or after `disconnect`. */
  reconnect(): void {
    this.#socket.input({ on: 'connect' });
  }

  /** Goes offline and stays there until `reconnect`. Edits go on and are kept. */
  disconnect(): void {
    this.#batches.run();
    this.#socket.input({ on: 'disconnect' });
  }

  /** Waits shortly until what is pending has been accepted, then closes for good. */
  async close(): Promise<void> {
    this.#batches.run();
    const isDone = ({ connection, unsent }: Status): boolean => connection !== 'online' || unsent === 0;
    if (!isDone(this.status)) await this.#emitter.until('status', isDone, CLOSE_MS, this.#runtime);
    this.#unwatch?.();
    for (const lease of this.#leases) lease.stop();
    this.#socket.input({ on: 'close' });
    this.#batches.cancel();
    this.#company.stop();
    this.#teller.stop();
    this.#emitter.clear();
    this.#keeping.close();
    this.#sync.giveUp(new CanvasError('closed', 'the canvas is closed'), this.#runtime.now());
  }

  #submit(ops: readonly Op[], options: BatchOptions | undefined): Receipt {
    const receipt = this.#sync.batch(ops, options, this.#runtime.now());
    this.#emitter.emit('batch', { ops, receipt });
    this.#moveOn();
    return receipt;
  }

  #again<T>(make: (now: number) => T): T {
    this.#checkOpen();
    const made = make(this.#runtime.now());
    this.#moveOn();
    return made;
  }

  #checkOpen(): void {
    if (this.#socket.state.name === 'closed') throw new CanvasError('closed', 'the canvas is closed');
  }

  // --- What the socket says ---

  #frame(frame: Uint8Array | string): void {
    try {
      const message = decodeMessage(this.#encoding.decode(frame), this.#names);
      if (message !== undefined) this.#receive(message);
    } catch (error) {
      this.#violated(asCanvasError(error));
    }
    this.#moveOn();
  }

  #receive(message: ServerMessage): void {
    switch (message.t) {
      case 'welcome':
        return this.#welcome(message);
      case 'snapshot':
        return this.#sync.snapshot(message);
      case 'commits':
      case 'ack':
      case 'reject':
      case 'gap':
      case 'saved':
        return this.#sync.receive(message, this.#runtime.now());
      case 'presence':
      case 'pace':
        return this.#company.receive(message);
      case 'broadcast':
        return this.#emitter.emit('broadcast', { from: message.from, topic: message.topic, data: message.data });
      case 'mode':
        return void (this.#mode = message.mode);
      case 'permission':
        return void (this.#sync.role = message.role);
      case 'token':
        return this.#socket.input({ on: 'access', endsMs: message.expires_ms });
      case 'error':
        return this.#emitter.emit('error', new CanvasError(message.code, message.message));
      case 'goaway':
        return this.#socket.input({ on: 'goaway', reconnectMs: message.reconnect_ms });
      // That a `pong` was heard is all it says; of types that are not known, a later server may send some.
    }
  }

  #welcome(welcome: Welcome): void {
    // Before it counts as a session: the server may turn out not to know what it should.
    this.#sync.welcome(welcome, this.#runtime.now());
    this.#socket.input({ on: 'welcome', heartbeatMs: welcome.heartbeat_ms });
    this.#company.welcome(welcome.session);
    this.#mode = welcome.mode;
    this.#lastError = undefined;
  }

  #lost(): void {
    this.#sync.lost();
    this.#batches.cancel();
    this.#company.lost();
  }

  #violated(error: CanvasError): void {
    if (error.code === 'history_lost' || error.code === 'client_id_in_use') return this.#socket.input({ on: 'renew', error });
    // Whatever went wrong, the whole state is the safe way back; unless it is the server that does not have it yet.
    if (error.code !== 'server_behind') this.#sync.distrust();
    this.#socket.input({ on: 'violation', error });
  }

  #renew(error: CanvasError): void {
    this.#clientId = newClientId(this.#runtime);
    this.#sync.renew(error, this.#runtime.now());
  }

  #report(error: CanvasError): void {
    this.#lastError = error;
    // Who hears of the error finds the status that goes with it.
    this.#teller.update();
    if (this.#socket.state.name === 'closed') this.#sync.giveUp(error, this.#runtime.now());
    this.#emitter.emit('error', error);
  }

  // --- Sending ---

  #send(message: ClientMessage): void {
    this.#socket.send(this.#encoding.encode(encodeValue(message)));
  }

  /** Something has happened to the queue: send what may be sent, and tell. */
  #moveOn(): void {
    this.#keeping.keep(this.#clientId);
    this.#batches.request();
    this.#teller.update();
  }

  #batchJob(): Job {
    const { pending } = this.#sync;
    return {
      hasWork: () => pending.hasUnsentWork,
      isFree: () => this.#socket.buffered < BUSY_BYTES,
      notBefore: () => pending.pause,
      run: () => {
        const batches = this.#sync.take(this.#runtime.now(), this.#keeping.mayGo);
        for (const { cid, body, durable } of batches) this.#socket.send(this.#encoding.encode(encodeBatch(cid, body, durable)));
        return batches.length > 0;
      },
    };
  }

  // --- Status ---

  #statusParts(): ReturnType<StatusSource> {
    const { pending, role, isSynced: synced } = this.#sync;
    return { state: this.#socket.state, synced, role, ...pending.counts, heldBack: pending.heldBack, mode: this.#mode, error: this.#lastError };
  }
}
