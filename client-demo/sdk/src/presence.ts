/**
 * Presence (PROTOCOL §7): our own fields, everybody else's, and their cursors, drawn smoothly.
 *
 * Pure: time comes in. `takeUpdate` says what to send; `canvas.ts` decides when to ask.
 */
import { decodeValue, encodeValue } from './codec/frame.js';
import { CursorTrack } from './cursor.js';
import { CanvasError } from './errors.js';
import type { PresenceEntry, PresenceUpdate } from './protocol.js';
import { assign, sameValue, type Props, type Value } from './value.js';

/** Somebody's session. */
export interface Peer {
  readonly session: number;
  /** As commits name the client. */
  readonly author: string;
  readonly user: string;
  readonly role: string;
  readonly presence: Readonly<Record<string, Value>>;
  readonly isSelf: boolean;
}

/** Presence as the application sees it. */
export interface CanvasPresence {
  /**
   * Sets fields of ours; undefined or null removes one. Sent at most about 30 times a second, the latest values.
   * @throws CanvasError `presence_too_large` beyond 2 KiB in all; nothing has changed then
   */
  set(fields: Record<string, Value | undefined>): void;
  readonly self: Readonly<Record<string, Value>>;
  readonly others: ReadonlyMap<number, Peer>;
  /** Where to draw a remote cursor: interpolated, about 100 ms in the past. `now` in milliseconds since 1970. */
  cursor(session: number, now?: number): { x: number; y: number } | undefined;
}

export class Presence {
  /** Our own fields as the application set them. */
  readonly self: Props = {};
  readonly others = new Map<number, Peer>();
  private readonly tracks = new Map<number, CursorTrack>();
  private unsent: Props = {};
  private session: number | undefined;

  constructor(initial: Readonly<Record<string, Value | undefined>> = {}) {
    this.set(initial, Infinity);
  }

  /**
   * Sets fields; null or undefined removes one.
   * @param limit bytes of all fields together
   * @throws CanvasError `presence_too_large`, `invalid_value`
   */
  set(fields: Readonly<Record<string, Value | undefined>>, limit: number): void {
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
      assign(this.unsent, name, copy);
    }
  }

  get hasUpdate(): boolean {
    return Object.keys(this.unsent).length > 0;
  }

  /** What has changed since the last call. */
  takeUpdate(): Props {
    const { unsent } = this;
    this.unsent = {};
    return unsent;
  }

  /** A session begins: `hello` has carried all of our fields. */
  welcome(session: number): void {
    this.session = session;
    this.forget(session);
  }

  /** `hello` is being sent with all fields. */
  greeted(): void {
    this.unsent = {};
  }

  receive(update: PresenceUpdate, now: number): void {
    if (update.full === true) {
      const present = new Set(update.sessions.map(([session]) => session));
      for (const session of this.others.keys()) if (!present.has(session)) this.forget(session);
    }
    for (const entry of update.sessions) this.apply(entry, now, update.full === true);
  }

  /** Nobody is known any more: we have been away for too long to say. */
  clear(): void {
    this.others.clear();
    this.tracks.clear();
  }

  cursor(session: number, now: number): { x: number; y: number } | undefined {
    return this.tracks.get(session)?.at(now);
  }

  private apply([session, fields, who]: PresenceEntry, now: number, isWhole: boolean): void {
    if (session === this.session) return;
    if (fields === null) return this.forget(session);
    const known = this.others.get(session);
    const identity = who ?? known ?? { author: '', user: '', role: '' };
    const presence: Props = isWhole ? {} : { ...known?.presence };
    for (const [name, value] of Object.entries(fields)) {
      if (value === null) delete presence[name];
      else assign(presence, name, value);
    }
    const { author, user, role } = identity;
    this.others.set(session, { session, author, user, role, presence, isSelf: false });
    if (isWhole || Object.hasOwn(fields, 'cursor')) this.moveCursor(session, presence['cursor'], now);
  }

  private moveCursor(session: number, cursor: Value | undefined, now: number): void {
    const [x, y] = Array.isArray(cursor) ? cursor : [];
    if (typeof x !== 'number' || typeof y !== 'number') {
      this.tracks.delete(session);
      return;
    }
    const track = this.tracks.get(session) ?? new CursorTrack();
    this.tracks.set(session, track);
    track.move(now, x, y);
  }

  private forget(session: number): void {
    this.others.delete(session);
    this.tracks.delete(session);
  }
}
