import type { Camera, View } from './camera';
import { MAX_ZOOM } from './camera';
import { othersOn, type Person } from './peers';
import type { Canvas } from '@collabcanvas/sdk';

/** The part of the way to the other's view that is made in a 60th of a second. */
const PACE = 0.18;
const FRAME = 1000 / 60;
/** Closer than this, in CSS pixels, is there. */
const THERE = 0.3;

/** What following needs of the board. */
export interface Looker {
  readonly canvas: Canvas;
  readonly camera: Camera;
}

/** Looks where somebody else looks, until one moves the view oneself or they go. */
export class Following {
  private session: number | undefined;
  private isOurMove = false;
  private lastFrame = 0;
  private frame = 0;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly board: Looker) {
    board.camera.onChange(() => {
      if (!this.isOurMove) this.stop();
    });
    board.canvas.on('presence', () => this.look());
  }

  /** Who is followed; undefined for nobody. */
  get person(): Person | undefined {
    return this.session === undefined ? undefined : othersOn(this.board.canvas).find(({ session }) => session === this.session);
  }

  onChange(listener: () => void): void {
    this.listeners.add(listener);
  }

  start(session: number): void {
    if (session === this.session) return;
    this.session = session;
    // They see who looks over their shoulder.
    this.board.canvas.presence.set({ following: session });
    this.changed();
    this.look();
  }

  stop(): void {
    if (this.session === undefined) return;
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.session = undefined;
    this.board.canvas.presence.set({ following: undefined });
    this.changed();
  }

  private look(): void {
    if (this.session === undefined) return;
    const { person } = this;
    // Somebody who is only offline for a moment may be back by another session.
    if (person === undefined) return this.stop();
    if (person.viewport === undefined || this.frame !== 0) return;
    this.lastFrame = performance.now();
    this.frame = requestAnimationFrame((now) => this.step(now));
  }

  private step(now: number): void {
    this.frame = 0;
    const viewport = this.person?.viewport;
    if (viewport === undefined) return;
    const { camera } = this.board;
    const to = camera.fitted(viewport, 0, MAX_ZOOM);
    const part = matchMedia('(prefers-reduced-motion: reduce)').matches ? 1 : 1 - (1 - PACE) ** (Math.max(1, now - this.lastFrame) / FRAME);
    this.lastFrame = now;
    const isThere = distance(camera, to) < THERE;
    this.isOurMove = true;
    camera.set(isThere ? to : between(camera, to, part));
    this.isOurMove = false;
    if (!isThere) this.frame = requestAnimationFrame((next) => this.step(next));
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }
}

/** How far two views are apart, in CSS pixels, at the corner that moves more. */
function distance(a: View & { width: number; height: number }, b: View): number {
  const corner = (side: number, from: number, to: number): number => Math.abs(from + side / a.zoom - (to + side / b.zoom)) * b.zoom;
  return Math.max(Math.abs(a.x - b.x) * b.zoom, Math.abs(a.y - b.y) * b.zoom, corner(a.width, a.x, b.x), corner(a.height, a.y, b.y));
}

function between(a: View, b: View, part: number): View {
  const zoom = a.zoom * (b.zoom / a.zoom) ** part;
  return { x: a.x + (b.x - a.x) * part, y: a.y + (b.y - a.y) * part, zoom };
}
