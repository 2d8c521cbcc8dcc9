/**
 * The facade that applications use, and the only place where the parts are put together: socket, sync, presence, status.
 *
 * Owns the flush timers and the client id. Decides nothing about batches (`sync.ts`) or connections (`connection.ts`).
 */
import { decodeMessage, encodeBatch, encodeMessage, encodeValue, Names, SHORT, subprotocol, type Encoding } from './codec/frame.js';
import { Emitter } from './emitter.js';
import type { CanvasEvents } from './events.js';
import { asCanvasError, CanvasError } from './errors.js';
import type { Loss } from './loss.js';
import type { CanvasObject } from './object.js';
import type { CanvasOptions } from './options.js';
import { keyBetween, keysBetween, keysForMove } from './order.js';
import { Pacer, type Job } from './pacer.js';
import { Presence, type CanvasPresence } from './presence.js';
import { PROTOCOL_VERSION, type ClientMessage, type Mode, type ServerMessage, type Welcome } from './protocol.js';
import type { Receipt } from './receipt.js';
import { globalWebSocket, newClientId, platform, type Runtime } from './runtime.js';
import { Socket } from './socket.js';
import { StatusTeller, type Status, type StatusSource } from './status.js';
import { Sync, type BatchOptions } from './sync.js';
import { OpCollector, type Tx } from './tx.js';
import type { Value } from './value.js';

/** Batches are collected for one frame of a 60 Hz screen at most. */
const FLUSH_MS = 16;
const PRESENCE_MS = 33;
/** More than this waiting in the socket, and new batches wait here, where they can still be joined. */
const BUSY_BYTES = 64 * 1024;
/** The server forgets a session's presence after this long (PROTOCOL §7), so we do the same with everybody's. */
const PRESENCE_TTL_MS = 30_000;
/** How long `close` waits for the server to accept what is pending. */
const CLOSE_MS = 2_000;

/** One project, open. */
export class Canvas {
  private readonly runtime: Runtime;
  private readonly encoding: Encoding;
  private readonly socket: Socket;
  private readonly sync: Sync;
  private readonly roster: Presence;
  private readonly names = new Names();
  private readonly emitter = new Emitter<CanvasEvents>();
  private readonly unwatch: (() => void) | undefined;
  private clientId: string;
  private mode: Mode = 'normal';
  private lastError: CanvasError | undefined;
  private readonly teller: StatusTeller;
  private pings = 0;
  private readonly batches: Pacer;
  private readonly presenceUpdates: Pacer;
  private cancelRosterTtl: (() => void) | undefined;

  /** Presence: ours and everybody else's. */
  readonly presence: CanvasPresence;

  /** Prefer `connect`, which also starts connecting. */
  constructor(options: CanvasOptions) {
    this.runtime = options.runtime ?? platform;
    this.encoding = options.encoding ?? 'msgpack';
    this.clientId = options.clientId ?? newClientId(this.runtime);
    this.sync = new Sync(options.undoDepth ?? 200, {
      changed: (ids, source) => this.emitter.emit('change', { ids, source }),
      rejected: (rejected) => this.emitter.emit('rejected', rejected),
      lost: (loss) => this.emitter.emit('loss', loss),
      installed: () => this.moveOn(),
      violated: (error) => this.violated(error),
    });
    this.roster = new Presence(options.presence);
    this.presence = this.presenceFacade();
    this.batches = new Pacer(this.runtime, FLUSH_MS, this.batchJob());
    this.presenceUpdates = new Pacer(this.runtime, PRESENCE_MS, this.presenceJob());
    this.socket = new Socket(
      {
        url: options.url,
        subprotocol: subprotocol(this.encoding),
        token: options.token,
        WebSocket: options.WebSocket ?? globalWebSocket(),
        runtime: this.runtime,
      },
      {
        hello: (token) => this.hello(token),
        frame: (frame) => this.frame(frame),
        ping: () => this.send({ t: 'ping', n: (this.pings += 1) }),
        lost: () => this.lost(),
        newClientId: (error) => this.renew(error),
        report: (error) => this.report(error),
        changed: () => this.teller.update(),
      },
    );
    this.teller = new StatusTeller(this.runtime, () => this.statusParts(), (status) => this.emitter.emit('status', status));
    this.unwatch = this.runtime.watchPage?.({
      network: (online) => this.socket.input({ on: 'network', online }),
      visible: () => this.socket.input({ on: 'visible' }),
      leaving: () => {
        this.batches.run();
        // Who stays must not find that what could not be sent just now waits for ever.
        this.batches.request();
        return (options.warnBeforeUnload ?? true) && !this.isSafeToLeave;
      },
    });
  }

  // --- Objects ---

  /** The server's state with pending edits on top. Always the same map; listen to `change`. */
  get objects(): ReadonlyMap<string, CanvasObject> {
    return this.sync.replica.view;
  }

  /** All objects in drawing order; the same array until something changes. */
  ordered(): readonly CanvasObject[] {
    return this.sync.replica.ordered();
  }

  get(id: string): CanvasObject | undefined {
    return this.objects.get(id);
  }

  /**
   * Applies a batch: all or nothing, visible at once, one undo step unless inside a gesture.
   * @returns what becomes of it; batches of a drag that are sent as one share it
   * @throws CanvasError with a refusal code when the batch is invalid or the rules forbid it; nothing has changed then
   */
  batch(fn: (tx: Tx) => void, options?: BatchOptions): Receipt {
    this.checkOpen();
    const tx = new OpCollector(() => this.runtime.randomId(21));
    fn(tx);
    const receipt = this.sync.batch(tx.ops, options, this.runtime.now());
    this.moveOn();
    return receipt;
  }

  /**
   * Fulfilled when everything made so far is in the durable store.
   * @throws CanvasError when some of it was refused or lost
   */
  async whenSaved(): Promise<void> {
    await Promise.all(this.sync.pending.all.map(({ course }) => course.saved));
  }

  /**
   * Whether nothing is lost if the page goes away now: every edit is accepted, so that the server keeps it whatever one of its parts
   * fails, and no part of it is known to fail.
   */
  get isSafeToLeave(): boolean {
    return this.status.unsent === 0 && !this.status.stalled;
  }

  /**
   * Makes the edits of a loss again, as new ones: those that were called saved and that this page still has.
   * @returns how many batches had something to do
   * @throws CanvasError `forbidden`, `closed`
   */
  putBack(loss: Loss): number {
    this.checkOpen();
    const count = this.sync.putBack(loss, this.runtime.now());
    this.moveOn();
    return count;
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
    this.sync.beginGesture();
  }

  endGesture(): void {
    this.sync.endGesture();
  }

  /**
   * Takes back our last step, as far as nobody else has changed it since.
   * @returns false when there was none
   * @throws CanvasError `forbidden`, `closed`
   */
  undo(): boolean {
    this.checkOpen();
    const undone = this.sync.undo(this.runtime.now());
    this.moveOn();
    return undone;
  }

  redo(): boolean {
    this.checkOpen();
    const redone = this.sync.redo(this.runtime.now());
    this.moveOn();
    return redone;
  }

  get canUndo(): boolean {
    return this.sync.undoing.canUndo;
  }

  get canRedo(): boolean {
    return this.sync.undoing.canRedo;
  }

  // --- Order ---

  /** A fractional index between two; null is the open end. @throws CanvasError `invalid_order_key` */
  keyBetween(below: string | null, above: string | null): string {
    return keyBetween(below, above);
  }

  /** `n` ascending fractional indices between two. @throws CanvasError `invalid_order_key` */
  keysBetween(below: string | null, above: string | null, n: number): string[] {
    return keysBetween(below, above, n);
  }

  /**
   * Moves objects in the drawing order, lowest first. Gives neighbours with equal keys new ones in the same batch.
   * @param below id of the object that shall lie directly below; null: the bottom
   * @param above id of the object that shall lie directly above; null: the top
   */
  moveBetween(tx: Tx, ids: string[], below: string | null, above: string | null): void {
    for (const [id, z] of keysForMove(this.ordered(), ids, below, above)) tx.update(id, { z });
  }

  // --- Others ---

  /**
   * Sends an ephemeral message to everybody else, or to one session. Dropped while offline: it is about this moment.
   * @throws CanvasError `broadcast_too_large`
   */
  broadcast(topic: string, data: Value, to?: number): void {
    if (encodeValue(data).length > this.sync.limits.broadcast_bytes) {
      throw new CanvasError('broadcast_too_large', `a broadcast may have ${this.sync.limits.broadcast_bytes} bytes`);
    }
    if (this.socket.state.name === 'online') this.send({ t: 'broadcast', topic, data, ...(to !== undefined && { to }) });
  }

  get status(): Status {
    return this.teller.latest;
  }

  /** @returns removes the listener */
  on<Name extends keyof CanvasEvents>(event: Name, listener: (event: CanvasEvents[Name]) => void): () => void {
    return this.emitter.on(event, listener);
  }

  // --- Connection ---

  /** Connects now, instead of at the end of a wait or after `disconnect`. */
  reconnect(): void {
    this.socket.input({ on: 'connect' });
  }

  /** Goes offline and stays there until `reconnect`. Edits go on and are kept. */
  disconnect(): void {
    this.batches.run();
    this.socket.input({ on: 'disconnect' });
  }

  /** Waits shortly until what is pending has been accepted, then closes for good. */
  async close(): Promise<void> {
    this.batches.run();
    const isDone = ({ connection, unsent }: Status): boolean => connection !== 'online' || unsent === 0;
    if (!isDone(this.status)) await this.emitter.until('status', isDone, CLOSE_MS, this.runtime);
    this.unwatch?.();
    this.socket.input({ on: 'close' });
    this.batches.cancel();
    this.presenceUpdates.cancel();
    this.cancelRosterTtl?.();
    this.teller.stop();
    this.emitter.clear();
    this.sync.giveUp(new CanvasError('closed', 'the canvas was closed before the server had saved this'), this.runtime.now());
  }

  private checkOpen(): void {
    if (this.socket.state.name === 'closed') throw new CanvasError('closed', 'the canvas is closed; edits would be lost');
  }

  // --- What the socket says ---

  private hello(token: string | undefined): void {
    this.roster.greeted();
    const { position, pending } = this.sync;
    this.send({
      t: 'hello', v: [PROTOCOL_VERSION, PROTOCOL_VERSION], features: [SHORT], client: this.clientId,
      ...(token !== undefined && { token }),
      ...(position !== undefined && { position }),
      ...(pending.savedCid > 0 && { saved: pending.savedCid }),
      ...(Object.keys(this.roster.self).length > 0 && { presence: { ...this.roster.self } }),
    });
  }

  private frame(frame: Uint8Array | string): void {
    try {
      const message = decodeMessage(frame, this.names);
      if (message !== undefined) this.receive(message);
    } catch (error) {
      this.violated(asCanvasError(error));
    }
    this.moveOn();
  }

  private receive(message: ServerMessage): void {
    switch (message.t) {
      case 'welcome':
        return this.welcome(message);
      case 'snapshot':
        return this.sync.snapshot(message);
      case 'commits':
      case 'ack':
      case 'reject':
      case 'gap':
      case 'saved':
        return this.sync.receive(message, this.runtime.now());
      case 'presence':
        this.roster.receive(message, this.runtime.now());
        return this.emitter.emit('presence', undefined);
      case 'broadcast':
        return this.emitter.emit('broadcast', { from: message.from, topic: message.topic, data: message.data });
      case 'mode':
        this.mode = message.mode;
        return;
      case 'permission':
        this.sync.role = message.role;
        return;
      case 'error':
        return this.emitter.emit('error', new CanvasError(message.code, message.message));
      case 'goaway':
        return this.socket.input({ on: 'goaway', reconnectMs: message.reconnect_ms });
      case 'pong':
        return; // that it was heard is all it says
    }
  }

  private welcome(welcome: Welcome): void {
    // Before it counts as a session: the server may turn out not to know what it should.
    this.sync.welcome(welcome, this.runtime.now());
    this.socket.input({ on: 'welcome', heartbeatMs: welcome.heartbeat_ms });
    this.cancelRosterTtl?.();
    this.roster.welcome(welcome.session);
    this.mode = welcome.mode;
    this.lastError = undefined;
    this.presenceUpdates.request();
  }

  private lost(): void {
    this.sync.lost();
    this.batches.cancel();
    this.cancelRosterTtl?.();
    this.cancelRosterTtl = this.runtime.timer(PRESENCE_TTL_MS, () => {
      this.roster.clear();
      this.emitter.emit('presence', undefined);
    });
  }

  private violated(error: CanvasError): void {
    if (error.code === 'history_lost' || error.code === 'client_id_in_use') return this.socket.input({ on: 'renew', error });
    // Whatever went wrong, the whole state is the safe way back; unless it is the server that does not have it yet.
    if (error.code !== 'server_behind') this.sync.distrust();
    this.socket.input({ on: 'violation', error });
  }

  private renew(error: CanvasError): void {
    this.clientId = newClientId(this.runtime);
    this.sync.renew(error, this.runtime.now());
  }

  private report(error: CanvasError): void {
    this.lastError = error;
    if (this.socket.state.name === 'closed') this.sync.giveUp(error, this.runtime.now());
    this.emitter.emit('error', error);
  }

  // --- Sending ---

  private send(message: ClientMessage): void {
    this.socket.send(encodeMessage(message, this.encoding));
  }

  /** Something has happened to the queue: send what may be sent, and tell. */
  private moveOn(): void {
    this.batches.request();
    this.teller.update();
  }

  private batchJob(): Job {
    const { pending } = this.sync;
    return {
      hasWork: () => pending.hasUnsentWork,
      isFree: () => this.socket.buffered < BUSY_BYTES,
      notBefore: () => pending.pause,
      run: () => {
        for (const { cid, body, durable } of this.sync.take(this.runtime.now())) {
          this.socket.send(encodeBatch(cid, body, durable, this.encoding));
        }
      },
    };
  }

  private presenceJob(): Job {
    return {
      hasWork: () => this.roster.hasUpdate && this.socket.state.name === 'online',
      // Behind edits that cannot leave, presence would only be late; the latest is what counts.
      isFree: () => this.socket.buffered < BUSY_BYTES,
      notBefore: () => 0,
      run: () => this.send({ t: 'presence', set: this.roster.takeUpdate() }),
    };
  }

  private presenceFacade(): CanvasPresence {
    const { roster, runtime } = this;
    return {
      set: (fields) => {
        roster.set(fields, this.sync.limits.presence_bytes);
        this.presenceUpdates.request();
      },
      self: roster.self,
      others: roster.others,
      cursor: (session, now = runtime.now()) => roster.cursor(session, now),
    };
  }

  // --- Status ---

  private statusParts(): ReturnType<StatusSource> {
    const { pending, isSynced: synced } = this.sync;
    return { state: this.socket.state, synced, ...pending.counts, heldBack: pending.heldBack, mode: this.mode, error: this.lastError };
  }
}

/** Opens a project and keeps it open: connects, reconnects, resends, until `close`. */
export function connect(options: CanvasOptions): Canvas {
  const canvas = new Canvas(options);
  canvas.reconnect();
  return canvas;
}
