import type { Camera } from '../../camera';
import { centerOf, cornersOf, distance, distanceToSegment, inflate, type Box, type Point } from '../../scene/geometry';
import { outlineOf } from '../../scene/outline';
import { isLinear, type Shape } from '../../scene/shape';
import { CORNERS, frameOf, gripPoint, SIDES, type Grip } from '../../scene/transform';
import type { OverlayBrush } from '../tool';

/** What the pointer can hold of a selection. */
export type Handle =
  | { readonly kind: 'grip'; readonly grip: Grip }
  | { readonly kind: 'turn' }
  | { readonly kind: 'end'; readonly index: number };

/** CSS pixels. */
const REACH = { mouse: 8, touch: 18 };
const TURN_DISTANCE = 24;
const HANDLE = 9;
/** How far around a shape it is shown that a line will hold on to it. */
const HALO = 5;
/** A frame narrower than this on the screen has no handles at its sides, so that one can still drag the shape. */
const ROOMY = 48;

/** The frame and handles of what is selected, in the screen's coordinates. */
export class Handles {
  /** In canvas units. */
  readonly frame: Box | undefined;
  private readonly onScreen: Box | undefined;
  private readonly ends: readonly Point[];

  constructor(
    private readonly shapes: readonly Shape[],
    private readonly camera: Camera,
  ) {
    const only = shapes.length === 1 ? shapes[0] : undefined;
    this.frame = frameOf(shapes);
    this.ends = only && isLinear(only.type) ? outlineOf(only).map((p) => camera.toScreen(p)) : [];
    if (this.frame && this.ends.length === 0) {
      const corner = camera.toScreen(this.frame);
      this.onScreen = { ...this.frame, ...corner, w: this.frame.w * camera.zoom, h: this.frame.h * camera.zoom };
    }
  }

  at(screen: Point, touch: boolean): Handle | undefined {
    const reach = touch ? REACH.touch : REACH.mouse;
    const index = this.ends.findIndex((p) => distance(p, screen) <= reach);
    if (index >= 0) return { kind: 'end', index };
    const frame = this.onScreen;
    if (!frame) return undefined;
    if (distance(this.turnPoint(frame), screen) <= reach) return { kind: 'turn' };
    const tight = Math.min(frame.w, frame.h) < ROOMY ? reach / 2 : reach;
    const corner = CORNERS.find((grip) => distance(gripPoint(frame, grip), screen) <= tight + 2);
    if (corner) return { kind: 'grip', grip: corner };
    const side = this.sides(frame).find(([, a, b]) => distanceToSegment(screen, a, b) <= reach / 2);
    return side && { kind: 'grip', grip: side[0] };
  }

  /** Whether the point lies within the frame of several shapes: dragging there moves them all. */
  encloses(screen: Point): boolean {
    const frame = this.onScreen;
    if (!frame || this.shapes.length < 2) return false;
    return screen.x >= frame.x && screen.x <= frame.x + frame.w && screen.y >= frame.y && screen.y <= frame.y + frame.h;
  }

  /** @param isHeld false: only what is selected, and nothing to hold it by */
  paint({ ctx, theme }: OverlayBrush, isHeld: boolean): void {
    ctx.strokeStyle = theme.accent;
    ctx.fillStyle = theme.handle;
    ctx.lineWidth = 1.5;
    for (const end of this.ends) paintKnob(ctx, end);
    const frame = this.onScreen;
    if (!frame) return;
    traceBox(ctx, frame);
    ctx.stroke();
    if (!isHeld) return;
    const turn = this.turnPoint(frame);
    const top = gripPoint(frame, { x: 0, y: -1 });
    ctx.beginPath();
    ctx.moveTo(top.x, top.y);
    ctx.lineTo(turn.x, turn.y);
    ctx.stroke();
    paintKnob(ctx, turn);
    for (const grip of CORNERS) paintCorner(ctx, gripPoint(frame, grip), frame.rotation);
  }

  /** Thin outlines of each shape, when there are several. */
  paintOutlines({ ctx, theme }: OverlayBrush): void {
    if (this.shapes.length < 2) return;
    ctx.strokeStyle = theme.accent;
    ctx.lineWidth = 1;
    ctx.globalAlpha = 0.5;
    for (const shape of this.shapes.slice(0, MOST_OUTLINES)) traceShape(ctx, shape, this.camera);
    ctx.globalAlpha = 1;
  }

  private sides(frame: Box): [Grip, Point, Point][] {
    // The sides of text would only change its width, which follows from the words.
    if (this.shapes.some(({ type }) => type === 'text')) return [];
    const [a, b, c, d] = cornersOf(frame);
    const edges: [Point, Point][] = [[a, b], [b, c], [c, d], [d, a]];
    return SIDES.flatMap((grip, i): [Grip, Point, Point][] => {
      const edge = edges[i];
      const across = grip.x === 0 ? frame.h : frame.w;
      return edge && across >= ROOMY ? [[grip, ...edge]] : [];
    });
  }

  private turnPoint(frame: Box): Point {
    const c = centerOf(frame);
    const up = frame.h / 2 + TURN_DISTANCE;
    return { x: c.x + Math.sin(frame.rotation) * up, y: c.y - Math.cos(frame.rotation) * up };
  }
}

const MOST_OUTLINES = 300;

function traceBox(ctx: CanvasRenderingContext2D, box: Box): void {
  ctx.beginPath();
  cornersOf(box).forEach((p, i) => (i === 0 ? ctx.moveTo(p.x, p.y) : ctx.lineTo(p.x, p.y)));
  ctx.closePath();
}

function paintKnob(ctx: CanvasRenderingContext2D, { x, y }: Point): void {
  ctx.beginPath();
  ctx.arc(x, y, HANDLE / 2 + 0.5, 0, 2 * Math.PI);
  ctx.fill();
  ctx.stroke();
}

function paintCorner(ctx: CanvasRenderingContext2D, { x, y }: Point, rotation: number): void {
  ctx.save();
  ctx.translate(x, y);
  ctx.rotate(rotation);
  ctx.beginPath();
  ctx.roundRect(-HANDLE / 2, -HANDLE / 2, HANDLE, HANDLE, 2.5);
  ctx.fill();
  ctx.stroke();
  ctx.restore();
}

/** Strokes the outline of a shape as it lies on the screen. */
export function traceShape(ctx: CanvasRenderingContext2D, shape: Shape, camera: Camera): void {
  if (isLinear(shape.type)) {
    ctx.beginPath();
    outlineOf(shape).forEach((p, i) => {
      const { x, y } = camera.toScreen(p);
      if (i === 0) ctx.moveTo(x, y);
      else ctx.lineTo(x, y);
    });
  } else if (shape.type === 'ellipse') {
    const { x, y } = camera.toScreen(centerOf(shape));
    ctx.beginPath();
    ctx.ellipse(x, y, (shape.w / 2) * camera.zoom, (shape.h / 2) * camera.zoom, shape.rotation, 0, 2 * Math.PI);
  } else {
    const { zoom } = camera;
    traceBox(ctx, { ...camera.toScreen(shape), w: shape.w * zoom, h: shape.h * zoom, rotation: shape.rotation });
  }
  ctx.stroke();
}

/** Shows the shape that a line is about to be attached to. */
export function paintAnchor({ ctx, camera, theme }: OverlayBrush, shape: Shape): void {
  ctx.strokeStyle = theme.accent;
  ctx.lineWidth = 3;
  ctx.globalAlpha = 0.6;
  traceShape(ctx, { ...shape, ...inflate(shape, HALO / camera.zoom) }, camera);
  ctx.globalAlpha = 1;
}

const CURSORS = ['ew-resize', 'nwse-resize', 'ns-resize', 'nesw-resize'];

/** The mouse pointer over a handle, turned with the frame. */
export function cursorFor(handle: Handle, rotation: number): string {
  if (handle.kind === 'turn') return 'grab';
  if (handle.kind === 'end') return 'crosshair';
  const angle = Math.atan2(handle.grip.y, handle.grip.x) + rotation;
  const eighth = ((Math.round(angle / (Math.PI / 4)) % 4) + 4) % 4;
  return CURSORS[eighth] ?? 'pointer';
}
