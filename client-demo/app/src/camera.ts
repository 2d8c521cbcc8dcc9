import { clamp, type Point, type Rect } from './scene/geometry';

export const MIN_ZOOM = 0.02;
export const MAX_ZOOM = 8;
/** The zoom steps of the buttons and keys. */
const STEPS = [0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8];

export interface View {
  readonly x: number;
  readonly y: number;
  readonly zoom: number;
}

/**
 * Where one looks: the canvas point in the top left corner of the screen, and CSS pixels per canvas unit.
 * Pure arithmetic; whoever draws listens with `onChange`.
 */
export class Camera {
  private view: View = { x: 0, y: 0, zoom: 1 };
  private size = { w: 1, h: 1 };
  private readonly listeners = new Set<() => void>();

  get x(): number {
    return this.view.x;
  }
  get y(): number {
    return this.view.y;
  }
  get zoom(): number {
    return this.view.zoom;
  }
  get width(): number {
    return this.size.w;
  }
  get height(): number {
    return this.size.h;
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  resize(w: number, h: number): void {
    if (w === this.size.w && h === this.size.h) return;
    this.size = { w, h };
    this.changed();
  }

  set(view: View): void {
    const zoom = clamp(view.zoom, MIN_ZOOM, MAX_ZOOM);
    if (view.x === this.view.x && view.y === this.view.y && zoom === this.view.zoom) return;
    this.view = { x: view.x, y: view.y, zoom };
    this.changed();
  }

  toScreen(p: Point): Point {
    return { x: (p.x - this.view.x) * this.view.zoom, y: (p.y - this.view.y) * this.view.zoom };
  }

  toCanvas(p: Point): Point {
    return { x: p.x / this.view.zoom + this.view.x, y: p.y / this.view.zoom + this.view.y };
  }

  /** What is in sight, in canvas units. */
  visible(): Rect {
    return { x: this.view.x, y: this.view.y, w: this.size.w / this.view.zoom, h: this.size.h / this.view.zoom };
  }

  /** Moves what is drawn by so many CSS pixels. */
  panBy(dx: number, dy: number): void {
    const { x, y, zoom } = this.view;
    this.set({ x: x - dx / zoom, y: y - dy / zoom, zoom });
  }

  /** Zooms so that the canvas point under `at` (CSS pixels) stays there. */
  zoomTo(zoom: number, at: Point = this.middle()): void {
    this.set(this.zoomed(zoom, at));
  }

  zoomed(zoom: number, at: Point = this.middle()): View {
    const anchor = this.toCanvas(at);
    const to = clamp(zoom, MIN_ZOOM, MAX_ZOOM);
    return { x: anchor.x - at.x / to, y: anchor.y - at.y / to, zoom: to };
  }

  /** The next step up (1) or down (-1) from the present zoom. */
  step(direction: 1 | -1): number {
    const now = this.view.zoom;
    const next = direction > 0 ? STEPS.find((s) => s > now * 1.01) : STEPS.findLast((s) => s < now * 0.99);
    return next ?? now;
  }

  /** The view that shows `rect` whole with `margin` CSS pixels around it, never larger than `maxZoom`. */
  fitted(rect: Rect, margin = 80, maxZoom = 1): View {
    const free = (side: number): number => Math.max(40, side - 2 * margin);
    const zoom = clamp(
      Math.min(free(this.size.w) / Math.max(rect.w, 1), free(this.size.h) / Math.max(rect.h, 1), maxZoom),
      MIN_ZOOM,
      MAX_ZOOM,
    );
    return this.centred({ x: rect.x + rect.w / 2, y: rect.y + rect.h / 2 }, zoom);
  }

  centred(p: Point, zoom = this.view.zoom): View {
    return { x: p.x - this.size.w / 2 / zoom, y: p.y - this.size.h / 2 / zoom, zoom };
  }

  private middle(): Point {
    return { x: this.size.w / 2, y: this.size.h / 2 };
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }
}
