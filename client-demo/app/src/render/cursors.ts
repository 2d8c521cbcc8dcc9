import type { Canvas } from '@collabcanvas/sdk';
import type { Camera } from '../camera';
import { othersOn, type Person } from '../peers';
import type { Point } from '../scene/geometry';
import type { Scene } from '../scene/scene';
import { traceShape } from '../tools/select/handles';
import type { OverlayBrush } from '../tools/tool';
import { paintTag, tagWidth } from './tag';

/** Milliseconds that cursors go on being drawn after the last word from others: the SDK glides them to their place. */
const GLIDE = 700;
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
const LABEL_LEFT = 11;
const LABEL_TOP = 15;

function paintCursor(ctx: CanvasRenderingContext2D, { x, y }: Point, { name, color }: Person, room: number): void {
  ctx.save();
  ctx.translate(x, y);
  ctx.lineJoin = 'round';
  ctx.strokeStyle = '#ffffff';
  ctx.lineWidth = 3;
  ctx.stroke(ARROW);
  ctx.fillStyle = color;
  ctx.fill(ARROW);
  const w = tagWidth(ctx, name);
  // At the right edge the name goes to the left of the pointer, where it can be read.
  paintTag(ctx, { x: x + LABEL_LEFT + w > room ? -w : LABEL_LEFT, y: LABEL_TOP }, name, color);
  ctx.restore();
}
