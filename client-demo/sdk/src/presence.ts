/**
 * Presence (PROTOCOL §7): our own fields, everybody else's, and their cursors, drawn smoothly.
 *
 * Pure: time comes in. `takeUpdate` says what to send; `canvas.ts` decides when to ask.
 */
import { decodeValue, encodeValue } from './codec/frame.js';
import type { Attendance } from './activity.js';
import { CursorTrack, Way, wayOf } from './cursor.js';
import { CanvasError } from './errors.js';
import type { PresenceEntry, PresenceUpdate } from './protocol.js';
import { assign, sameValue, type Props, type Value } from './value.js';

/** Somebody's session. */
export interface Peer {
  /** Its number: names them in `others`, `cursor` and broadcasts. */
  readonly session: number;
  /** As commits name the client. */
  readonly author: string;
  /** The user id; `anonymous` when the server asks for no tokens. */
  readonly user: string;
  /** What the user may do. */
  readonly role: string;
  /** The fields that they have set; of a cursor, where it is. */
  readonly presence: Readonly<Record<string, Value>>;
  /** False: our own session is not among the others. */
  readonly isSelf: boolean;
  /** As far as they tell; `offline` for some seconds after their connection has ended, until they are back or gone. */
  readonly attendance: Attendance;
}

/** Presence as the application sees it. */
export interface CanvasPresence {
  /**
   * Sets fields of ours; undefined or null removes one. The server says how often they are sent, 60 times a second among few; `cursor`, `[x, y]`, with the
   * whole way that it took meanwhile, everything else as it is then. Nothing is sent while nobody else is there.
   * @throws CanvasError `presence_too_large` beyond 2 KiB in all; nothing has changed then
   */
  set(fields: Record<string, Value | undefined>): void;
  /** Our own fields; always the same map. */
  readonly self: Readonly<Record<string, Value>>;
  /** Everybody else, by session; always the same map. Listen to `presence`. */
  readonly others: ReadonlyMap<number, Peer>;
  /** Where to draw a remote cursor: along the way that it took, a little in the past. `now` in milliseconds since 1970. */
  cursor(session: number, now?: number): { x: number; y: number } | undefined;
}

/** How long somebody whose connection has ended is shown as offline. */
const OFFLINE_MS = 5_000;

export class Presence {
  /** Our own fields as the application set them. */
  readonly self: Props = {};
  readonly others = new Map<number, Peer>();
  readonly #tracks = new Map<number, CursorTrack>();
  /** Sessions that have left, and until when they are shown. */
  readonly #leaving = new Map<number, number>();
  #unsent: Props = {};
  readonly #way = new Way();
  session: number | undefined;

  constructor(initial: Readonly<Record<string, Value | undefined>> = {}) {
    this.set(initial, Infinity, 0);
  }

  /**
   * Sets fields; null or undefined removes one.
   * @param limit bytes of all fields together
   * @throws CanvasError `presence_too_large`, `invalid_value`
   */
  set(fields: Readonly<Record<string, Value | undefined>>, limit: number, now: number): void {
    const next: Props = { ...this.self };
    for (const [name, value] of Object.entries(fields)) assign(next, name, value ?? null);
    const size = encodeValue(next).length;
    if (size > limit) throw new CanvasError('presence_too_large', `presence may have ${limit} bytes, not ${size}`);
    for (const [name, value] of Object.entries(fields)) {
      if (sameValue(this.self[name] ?? null, value ?? null)) continue;
      // A copy, which the application cannot change behind our back.
      const copy = decodeValue(encodeValue(value ?? null));
      if (copy === null) delete this.self[name];
      else assign(this.self, name, copy);
      assign(this.#unsent, name, copy);
    }
    const { cursor } = fields;
    if (!Array.isArray(cursor) || cursor.length !== 2) return;
    const [x, y] = cursor;
    if (typeof x === 'number' && typeof y === 'number') this.#way.add(now, x, y);
  }

  get hasUpdate(): boolean {
    return Object.keys(this.#unsent).length > 0;
  }

  /** What has changed since the last call. */
  takeUpdate(): Props {
    const unsent = this.#unsent;
    this.#unsent = {};
    const way = this.#way.take();
    if (Array.isArray(unsent['cursor']) && way !== undefined) unsent['cursor'] = way;
    return unsent;
  }

  /** A session begins: `hello` has carried all of our fields. */
  welcome(session: number): void {
    this.session = session;
    this.#forget(session);
  }

  receive(update: PresenceUpdate, now: number): void {
    if (update.full === true) {
      const present = new Set(update.sessions.map(([session]) => session));
      for (const session of this.others.keys()) if (!present.has(session)) this.#forget(session);
    }
    for (const entry of update.sessions) this.#apply(entry, now, update.full === true);
  }

  /** When somebody who has left is no longer to be shown; undefined for nobody. */
  get nextGone(): number | undefined {
    return this.#leaving.size === 0 ? undefined : Math.min(...this.#leaving.values());
  }

  /** Forgets those who have left for long enough. */
  expire(now: number): void {
    for (const [session, until] of this.#leaving) if (until <= now) this.#forget(session);
  }

  /** Nobody is known any more: we have been away for too long to say. */
  clear(): void {
    this.#leaving.clear();
    this.others.clear();
    this.#tracks.clear();
  }

  cursor(session: number, now: number): { x: number; y: number } | undefined {
    return this.#tracks.get(session)?.at(now);
  }

  #apply([session, fields, who]: PresenceEntry, now: number, isWhole: boolean): void {
    if (session === this.session) return;
    if (fields === null) return this.#leave(session, now);
    const known = this.others.get(session);
    const identity = who ?? known ?? { author: '', user: '', role: '' };
    const presence: Props = isWhole ? {} : { ...known?.presence };
    for (const [name, value] of Object.entries(fields)) {
      if (value === null) delete presence[name];
      else assign(presence, name, value);
    }
    if (isWhole || Object.hasOwn(fields, 'cursor')) this.#moveCursor(session, presence, now);
    const { author, user, role } = identity;
    this.others.set(session, { session, author, user, role, presence, isSelf: false, attendance: attendanceOf(presence['status']) });
    this.#leaving.delete(session);
    if (who !== undefined) this.#returned(session, author);
  }

  /** Takes the way out of the cursor: applications see where it is. */
  #moveCursor(session: number, presence: Props, now: number): void {
    const { cursor } = presence;
    const heard = Array.isArray(cursor) ? wayOf(cursor) : undefined;
    if (heard === undefined) {
      this.#tracks.delete(session);
      return;
    }
    const { at, way } = heard;
    presence['cursor'] = [at.x, at.y];
    const track = this.#tracks.get(session) ?? new CursorTrack();
    this.#tracks.set(session, track);
    if (way === undefined) track.move(now, at.x, at.y);
    else track.hear(now, way);
  }

  /** They may be back in a moment, by another session: shown as offline meanwhile, so that nobody comes and goes with every hiccup. */
  #leave(session: number, now: number): void {
    const peer = this.others.get(session);
    if (peer === undefined) return;
    this.#tracks.delete(session);
    this.others.set(session, { ...peer, attendance: 'offline' });
    this.#leaving.set(session, now + OFFLINE_MS);
  }

  /** The client of a session that had left is there again. */
  #returned(session: number, author: string): void {
    for (const left of this.#leaving.keys()) if (left !== session && this.others.get(left)?.author === author) this.#forget(left);
  }

  #forget(session: number): void {
    this.others.delete(session);
    this.#tracks.delete(session);
    this.#leaving.delete(session);
  }
}

const attendanceOf = (status: Value | undefined): Attendance => (status === 'idle' || status === 'away' ? status : 'active');
