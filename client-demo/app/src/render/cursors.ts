import type { Canvas } from '@collabcanvas/sdk';
import type { Camera } from '../camera';
import { readableOn } from '../palette';
import { othersOn, type Person } from '../peers';
import type { Point } from '../scene/geometry';
import type { Scene } from '../scene/scene';
import { traceShape } from '../tools/select/handles';
import type { OverlayBrush } from '../tools/tool';
import { FONT_FAMILY } from './text';

/** Milliseconds that cursors go on being drawn after the last word from others: the SDK glides them to their place. */
const GLIDE = 400;
const MOST_OUTLINES = 100;

/** Others' cursors and selections, painted above the scene. */
export class Cursors {
  private people: readonly Person[] = [];
  private heardAt = -Infinity;

  constructor(
    private readonly canvas: Canvas,
    private readonly camera: Camera,
    private readonly scene: Scene,
  ) {}

  /** Others said something about themselves. */
  hear(now: number): void {
    this.people = othersOn(this.canvas);
    this.heardAt = now;
  }

  isGliding(now: number): boolean {
    return now - this.heardAt < GLIDE;
  }

  paint(brush: OverlayBrush): void {
    for (const person of this.people) this.paintSelection(brush, person);
    for (const person of this.people) {
      const at = this.canvas.presence.cursor(person.session);
      if (at) paintCursor(brush.ctx, this.camera.toScreen(at), person, this.camera.width);
    }
  }

  private paintSelection({ ctx }: OverlayBrush, { selection, color }: Person): void {
    ctx.strokeStyle = color;
    ctx.lineWidth = 1.5;
    for (const id of selection.slice(0, MOST_OUTLINES)) {
      const shape = this.scene.get(id);
      if (shape) traceShape(ctx, shape, this.camera);
    }
  }
}

const ARROW = new Path2D('M0 0 L5.2 15.2 L8.1 8.6 L14.8 5.9 Z');
const LABEL_FONT = `600 12px ${FONT_FAMILY}`;
const LABEL_HEIGHT = 21;
const LABEL_LEFT = 11;
const LABEL_TOP = 15;

/** Widths of the names that are on screen again and again. */
const widths = new Map<string, number>();

function widthOf(ctx: CanvasRenderingContext2D, name: string): number {
  const known = widths.get(name);
  if (known !== undefined) return known;
  if (widths.size > 500) widths.clear();
  const { width } = ctx.measureText(name);
  widths.set(name, width);
  return width;
}

function paintCursor(ctx: CanvasRenderingContext2D, { x, y }: Point, { name, color }: Person, room: number): void {
  ctx.save();
  ctx.translate(x, y);
  ctx.lineJoin = 'round';
  ctx.strokeStyle = '#ffffff';
  ctx.lineWidth = 3;
  ctx.stroke(ARROW);
  ctx.fillStyle = color;
  ctx.fill(ARROW);
  ctx.font = LABEL_FONT;
  const w = widthOf(ctx, name) + 16;
  // At the right edge the name goes to the left of the pointer, where it can be read.
  const left = x + LABEL_LEFT + w > room ? -w : LABEL_LEFT;
  ctx.beginPath();
  ctx.roundRect(left, LABEL_TOP, w, LABEL_HEIGHT, LABEL_HEIGHT / 2);
  ctx.fill();
  ctx.fillStyle = readableOn(color);
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'left';
  ctx.fillText(name, left + 8, LABEL_TOP + LABEL_HEIGHT / 2 + 0.5);
  ctx.restore();
}
