import { LiveEdit } from '../../live-edit';
import { boundsOf, type Box, type Point } from '../../scene/geometry';
import type { Shape } from '../../scene/shape';
import { carryBox, gripPoint, resizeBox, type Grip } from '../../scene/transform';
import type { Drag, Press, Stage } from '../tool';

/** Resizes one shape in its own turned frame, or several within the upright frame around them. */
export class ResizeDrag implements Drag {
  private readonly edit: LiveEdit;
  private readonly offset: Point;

  constructor(
    private readonly stage: Stage,
    private readonly shapes: readonly Shape[],
    private readonly frame: Box,
    private readonly grip: Grip,
    from: Point,
  ) {
    this.edit = new LiveEdit(stage.canvas, stage.scene);
    const held = gripPoint(frame, grip);
    this.offset = { x: held.x - from.x, y: held.y - from.y };
  }

  move({ at, shift, alt }: Press): void {
    const to = { x: at.x + this.offset.x, y: at.y + this.offset.y };
    const keepAspect = shift || this.mustKeepAspect();
    const frame = resizeBox(this.frame, this.grip, to, { keepAspect, fromCentre: alt });
    for (const shape of this.shapes) this.edit.update(shape.id, this.resized(shape, frame));
    this.edit.flush();
    this.stage.redraw();
  }

  end(): void {
    this.edit.end();
  }

  cancel(): void {
    this.edit.cancel();
  }

  /** Text and turned shapes in a group would be skewed otherwise. */
  private mustKeepAspect(): boolean {
    const isGroup = this.shapes.length > 1;
    return this.shapes.some((s) => s.type === 'text' || (isGroup && s.rotation !== 0));
  }

  private resized(shape: Shape, frame: Box): Record<string, number> {
    const { x, y, w, h } = this.shapes.length === 1 ? frame : carryBox(shape, boundsOf(this.frame), frame);
    const round = (n: number): number => Math.round(n * 100) / 100;
    const size = { x: round(x), y: round(y), w: round(w), h: round(h) };
    if (shape.type !== 'text' || shape.h === 0) return size;
    return { ...size, fontSize: round((shape.fontSize * h) / shape.h) };
  }
}
