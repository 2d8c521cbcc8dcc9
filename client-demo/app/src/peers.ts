import type { Attendance, Canvas, Peer, Value } from '@collabcanvas/sdk';
import type { Rect } from './scene/geometry';

/** Somebody else on the board, as far as their client told and as it can be trusted to be drawn. */
export interface Person {
  readonly session: number;
  /** How leases name them. */
  readonly author: string;
  readonly name: string;
  readonly color: string;
  readonly selection: readonly string[];
  readonly viewport: Rect | undefined;
  readonly attendance: Attendance;
  /** Whose view they follow. */
  readonly following: number | undefined;
  /** What they may do. */
  readonly role: string;
}

const HEX = /^#[0-9a-f]{6}$/i;
export const PERSON_COLOURS = ['#e0447c', '#d9622b', '#b07d00', '#3b9b4e', '#0d9488', '#2f7de0', '#6d5ae6', '#b04bd1'] as const;
const MAX_NAME = 24;

export const cleanName = (name: string): string => name.replace(/\s+/g, ' ').trim().slice(0, MAX_NAME);

export function personOf(peer: Peer): Person {
  const { name, color, selection, viewport, following } = peer.presence;
  return {
    session: peer.session,
    author: peer.author,
    name: (typeof name === 'string' && cleanName(name)) || 'Guest',
    color: typeof color === 'string' && HEX.test(color) ? color : fallbackColour(peer.session),
    selection: Array.isArray(selection) ? selection.filter((id) => typeof id === 'string') : [],
    viewport: rectOf(viewport),
    attendance: peer.attendance,
    following: typeof following === 'number' ? following : undefined,
    role: peer.role,
  };
}

export function othersOn(canvas: Canvas): Person[] {
  return [...canvas.presence.others.values()].filter((peer) => !peer.isSelf).map(personOf);
}

export function initials(name: string): string {
  const words = name.split(' ').filter((word) => word !== '');
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters.map((word) => [...(word ?? '')][0]?.toUpperCase() ?? '').join('');
}

const fallbackColour = (session: number): string => PERSON_COLOURS[session % PERSON_COLOURS.length] ?? PERSON_COLOURS[0];

/** A rectangle as it travels: x, y, width, height. */
export function rectOf(value: Value | undefined): Rect | undefined {
  if (!Array.isArray(value) || value.length !== 4) return undefined;
  const [x, y, w, h] = value;
  const isRect = [x, y, w, h].every((n) => typeof n === 'number' && Number.isFinite(n));
  return isRect ? { x: Number(x), y: Number(y), w: Number(w), h: Number(h) } : undefined;
}
