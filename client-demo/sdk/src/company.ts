/** Presence as it goes on in time: when ours is sent, how long others are shown, whether the user is at work. */
import { Activity } from './activity.js';
import { encodeValue } from './codec/frame.js';
import { CanvasError } from './errors.js';
import { Pacer } from './pacer.js';
import { Presence, type CanvasPresence } from './presence.js';
import type { ClientMessage, OurLimits, Pace, PresenceUpdate } from './protocol.js';
import type { Runtime } from './runtime.js';
import { given, type Props, type Value } from './value.js';

/** Until the server says how often. */
const PACE_MS = 33;
/** The server forgets a session's presence after this long (PROTOCOL §7), so we do the same with everybody's. */
const TTL_MS = 30_000;

export interface CompanyLinks {
  /** Whether presence may go out now. */
  isOnline(): boolean;
  /** False while the way out is blocked. */
  isFree(): boolean;
  limits(): OurLimits;
  send(message: ClientMessage): void;
  /** Somebody came, left, changed. */
  changed(): void;
}

export class Company {
  readonly #roster: Presence;
  readonly #updates: Pacer;
  /** What the user does, if that is told. */
  readonly activity: Activity | undefined;
  /** Somebody else is there, who would hear of our presence. */
  #isHeard = true;
  #cancelTtl: (() => void) | undefined;
  #cancelLeaving: (() => void) | undefined;

  readonly presence: CanvasPresence;
  readonly #runtime: Runtime;
  readonly #links: CompanyLinks;

  constructor(runtime: Runtime, initial: Readonly<Record<string, Value>> | undefined, tellsActivity: boolean, links: CompanyLinks) {
    this.#runtime = runtime;
    this.#links = links;
    this.#roster = new Presence(initial);
    this.#updates = new Pacer(runtime, PACE_MS, {
      hasWork: () => this.#roster.hasUpdate && this.#isHeard && links.isOnline(),
      // Behind edits that cannot leave, presence would only be late; the latest is what counts.
      isFree: () => links.isFree(),
      notBefore: () => 0,
      run: () => links.send({ t: 'presence', set: this.#roster.takeUpdate() }),
    });
    this.presence = this.#facade();
    this.activity = tellsActivity ? new Activity(runtime, (status) => this.presence.set({ status })) : undefined;
  }

  get session(): number | undefined {
    return this.#roster.session;
  }

  /** All of our fields, for `hello`. */
  greeting(): Props {
    this.#roster.takeUpdate();
    return { ...this.#roster.self };
  }

  welcome(session: number): void {
    this.#cancelTtl?.();
    this.#roster.welcome(session);
    this.#updates.request();
  }

  receive(message: PresenceUpdate | Pace): void {
    if (message.t === 'pace') return this.#pace(message.presence_ms);
    this.#roster.receive(message, this.#runtime.now());
    this.#watchLeaving();
    this.#links.changed();
  }

  /** @throws CanvasError `broadcast_too_large` */
  broadcast(topic: string, data: Value, to: number | string | undefined): void {
    const most = this.#links.limits().broadcast_bytes;
    if (encodeValue(data).length > most) throw new CanvasError('broadcast_too_large', `a broadcast may have ${most} bytes`);
    if (this.#links.isOnline()) this.#links.send({ t: 'broadcast', topic, data, ...given({ to }) });
  }

  /** How often the server wants to hear of us; null: nobody else is there. */
  #pace(ms: number | null): void {
    this.#isHeard = ms !== null;
    if (ms !== null) this.#updates.intervalMs = ms;
    this.#updates.request();
  }

  /** The session is over. */
  lost(): void {
    this.#cancelTtl?.();
    this.#cancelTtl = this.#runtime.timer(TTL_MS, () => {
      this.#roster.clear();
      this.#links.changed();
    });
  }

  stop(): void {
    this.#updates.cancel();
    this.activity?.stop();
    this.#cancelTtl?.();
    this.#cancelLeaving?.();
  }

  /** Looks again when somebody who has left is no longer to be shown. */
  #watchLeaving(): void {
    this.#cancelLeaving?.();
    const until = this.#roster.nextGone;
    if (until === undefined) return;
    this.#cancelLeaving = this.#runtime.timer(Math.max(0, until - this.#runtime.now()), () => {
      this.#roster.expire(this.#runtime.now());
      this.#watchLeaving();
      this.#links.changed();
    });
  }

  #facade(): CanvasPresence {
    const [roster, runtime] = [this.#roster, this.#runtime];
    return {
      set: (fields) => {
        roster.set(fields, this.#links.limits().presence_bytes, runtime.now());
        this.#updates.request();
      },
      self: roster.self,
      others: roster.others,
      cursor: (session, now = runtime.now()) => roster.cursor(session, now),
    };
  }
}
