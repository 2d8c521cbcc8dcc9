import type { Camera } from '../camera';
import { distance, type Point } from '../scene/geometry';
import type { Press } from '../tools/tool';

/** Where presses go. */
export interface PointerTarget {
  down(press: Press): void;
  move(press: Press): void;
  up(press: Press): void;
  cancel(): void;
  hover(press: Press): void;
  doubleClick(press: Press): void;
  /** The pointer left the board. */
  leave(): void;
  /** The view is dragged about with something else than the tool: show a grabbing hand. */
  panning(isPanning: boolean): void;
}

const DOUBLE_CLICK = { time: 350, mouse: 6, touch: 24 };
/** Zoom for each pixel of a wheel; a pinch on a trackpad arrives as small wheel steps. */
const WHEEL_ZOOM = 0.0022;
const PINCH_ZOOM = 0.011;
/** CSS pixels that a wheel's line is worth. */
const LINE = 16;

/**
 * Mouse, pen, touch and wheel on the board. One pointer is the tool's; two fingers, the middle button, or the space
 * bar with a drag move the view; a wheel scrolls, with Ctrl it zooms.
 */
export class PointerInput {
  private readonly fingers = new Map<number, Point>();
  private mode: 'idle' | 'tool' | 'pan' | 'pinch' | 'ignore' = 'idle';
  private lastUp: { time: number; at: Point } | undefined;
  private spaceHeld = false;

  constructor(
    private readonly surface: HTMLElement,
    private readonly camera: Camera,
    private readonly target: PointerTarget,
  ) {
    surface.addEventListener('pointerdown', (e) => this.onDown(e));
    surface.addEventListener('pointermove', (e) => this.onMove(e));
    surface.addEventListener('pointerup', (e) => this.onUp(e));
    surface.addEventListener('pointercancel', (e) => this.onCancel(e));
    surface.addEventListener('pointerleave', () => this.target.leave());
    surface.addEventListener('wheel', (e) => this.onWheel(e), { passive: false });
    surface.addEventListener('contextmenu', (e) => e.preventDefault());
    // Safari's own pinch would zoom the page.
    surface.addEventListener('gesturestart', (e) => e.preventDefault());
  }

  /** While the space bar is down, a drag moves the view. */
  holdSpace(held: boolean): void {
    this.spaceHeld = held;
    if (this.mode !== 'pan') this.target.panning(held);
  }

  private onDown(e: PointerEvent): void {
    if (e.button > 1) return;
    this.surface.setPointerCapture(e.pointerId);
    this.fingers.set(e.pointerId, this.pointOf(e));
    if (this.fingers.size === 2) {
      if (this.mode === 'tool') this.target.cancel();
      this.mode = 'pinch';
    } else if (this.fingers.size === 1) {
      this.mode = e.button === 1 || this.spaceHeld ? 'pan' : 'tool';
      if (this.mode === 'pan') this.target.panning(true);
      else this.target.down(this.pressOf(e));
    }
  }

  private onMove(e: PointerEvent): void {
    const before = this.fingers.get(e.pointerId);
    if (!before) {
      if (this.fingers.size === 0) this.target.hover(this.pressOf(e));
      return;
    }
    const now = this.pointOf(e);
    if (this.mode === 'tool') this.target.move(this.pressOf(e));
    else if (this.mode === 'pan') this.camera.panBy(now.x - before.x, now.y - before.y);
    else if (this.mode === 'pinch') this.pinch(e.pointerId, before, now);
    this.fingers.set(e.pointerId, now);
  }

  private onUp(e: PointerEvent): void {
    if (!this.fingers.delete(e.pointerId)) return;
    if (this.mode === 'tool') {
      const press = this.pressOf(e);
      this.target.up(press);
      if (this.isDouble(press, e.timeStamp)) this.target.doubleClick(press);
    }
    this.letGo(e);
  }

  private onCancel(e: PointerEvent): void {
    if (!this.fingers.delete(e.pointerId)) return;
    if (this.mode === 'tool') this.target.cancel();
    this.letGo(e);
  }

  private letGo(e: PointerEvent): void {
    if (this.mode === 'pan') this.target.panning(this.spaceHeld);
    // The finger that stays after a pinch does not start to draw.
    this.mode = this.fingers.size === 0 ? 'idle' : 'ignore';
    if (e.pointerType === 'touch' && this.fingers.size === 0) this.target.leave();
  }

  private pinch(moving: number, before: Point, now: Point): void {
    const other = [...this.fingers].find(([id]) => id !== moving)?.[1];
    if (!other) return;
    const middle = (p: Point): Point => ({ x: (p.x + other.x) / 2, y: (p.y + other.y) / 2 });
    const from = middle(before);
    const to = middle(now);
    this.camera.panBy(to.x - from.x, to.y - from.y);
    const apart = distance(before, other);
    if (apart > 0) this.camera.zoomTo((this.camera.zoom * distance(now, other)) / apart, to);
  }

  private onWheel(e: WheelEvent): void {
    e.preventDefault();
    const unit = e.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE : 1;
    if (e.ctrlKey || e.metaKey) {
      const isPinch = Math.abs(e.deltaY) < 40 && e.deltaMode === WheelEvent.DOM_DELTA_PIXEL;
      const factor = Math.exp(-e.deltaY * unit * (isPinch ? PINCH_ZOOM : WHEEL_ZOOM));
      this.camera.zoomTo(this.camera.zoom * factor, this.pointOf(e));
      return;
    }
    const turned = e.shiftKey && e.deltaX === 0;
    this.camera.panBy(-(turned ? e.deltaY : e.deltaX) * unit, -(turned ? 0 : e.deltaY) * unit);
  }

  private isDouble(press: Press, time: number): boolean {
    const last = this.lastUp;
    const near = press.touch ? DOUBLE_CLICK.touch : DOUBLE_CLICK.mouse;
    const isSecond = last !== undefined && time - last.time < DOUBLE_CLICK.time && distance(last.at, press.screen) < near;
    this.lastUp = isSecond ? undefined : { time, at: press.screen };
    return isSecond;
  }

  private pressOf(e: PointerEvent): Press {
    const screen = this.pointOf(e);
    const parts = e.getCoalescedEvents();
    return {
      at: this.camera.toCanvas(screen),
      screen,
      trail: (parts.length > 0 ? parts : [e]).map((part) => this.camera.toCanvas(this.pointOf(part))),
      shift: e.shiftKey,
      alt: e.altKey,
      free: e.ctrlKey || e.metaKey,
      touch: e.pointerType === 'touch',
    };
  }

  private pointOf(e: MouseEvent): Point {
    const { left, top } = this.surface.getBoundingClientRect();
    return { x: e.clientX - left, y: e.clientY - top };
  }
}
