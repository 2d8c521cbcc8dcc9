import type { Value } from '@collabcanvas/sdk';
import { LiveEdit } from '../../live-edit';
import { boundsOf, unionOf, type Point, type Rect } from '../../scene/geometry';
import { hasPoints, type Shape } from '../../scene/shape';
import { snapToGrid, snapToOthers, type Guide, type Snapped } from '../../scene/snap';
import { GRID, snapping } from '../../snapping';
import { detachedFrom, duplicateShapes } from '../../commands';
import type { Drag, OverlayBrush, Press, Stage } from '../tool';

/** CSS pixels in which one edge is pulled to another. */
const REACH = 6;
const MOST_OTHERS = 300;

/** Drags shapes along; with Alt their copies. */
export class MoveDrag implements Drag {
  private readonly edit: LiveEdit;
  private readonly shapes: readonly Shape[];
  private readonly frame: Rect | undefined;
  private readonly others: readonly Rect[];
  private guides: readonly Guide[] = [];
  /** What lines that are moved away from their shapes become. */
  private readonly detached: ReadonlyMap<string, Record<string, Value>>;

  constructor(
    private readonly stage: Stage,
    shapes: readonly Shape[],
    private readonly from: Point,
    copy: boolean,
  ) {
    this.edit = new LiveEdit(stage.canvas, stage.scene);
    this.shapes = copy ? this.edit.run(() => duplicateShapes(stage, shapes, 0)) : shapes;
    this.frame = unionOf(this.shapes.map(boundsOf));
    const moved = new Set(this.shapes.map(({ id }) => id));
    this.detached = new Map(this.shapes.map((shape) => [shape.id, detachedFrom(shape, moved)]));
    const near = stage.scene.within(stage.camera.visible()).filter(({ id, type }) => !moved.has(id) && !hasPoints(type));
    this.others = near.slice(0, MOST_OTHERS).map(boundsOf);
  }

  move({ at, shift, free }: Press): void {
    let dx = at.x - this.from.x;
    let dy = at.y - this.from.y;
    if (shift && Math.abs(dx) > Math.abs(dy)) dy = 0;
    else if (shift) dx = 0;
    // Whole device-independent pixels: what was aligned stays aligned, and numbers stay short.
    const grain = Math.max(1, Math.round(this.stage.camera.zoom));
    const whole = (n: number): number => Math.round(n * grain) / grain;
    // With Shift the direction is chosen, with Ctrl the place.
    const snapped = shift || free ? { dx: whole(dx), dy: whole(dy), guides: [] } : this.snapped({ x: whole(dx), y: whole(dy) });
    this.guides = snapped.guides;
    for (const shape of this.shapes) {
      this.edit.update(shape.id, { x: shape.x + snapped.dx, y: shape.y + snapped.dy, ...this.detached.get(shape.id) });
    }
    this.edit.flush();
    this.stage.redraw();
  }

  end(): void {
    this.guides = [];
    this.edit.end();
    this.stage.redraw();
  }

  cancel(): void {
    this.edit.cancel();
  }

  paint({ ctx, camera, theme }: OverlayBrush): void {
    ctx.strokeStyle = theme.accent;
    ctx.lineWidth = 1;
    for (const guide of this.guides) {
      const [from, to] = [camera.toScreen(guide.from), camera.toScreen(guide.to)];
      ctx.beginPath();
      ctx.moveTo(from.x, from.y);
      ctx.lineTo(to.x, to.y);
      ctx.stroke();
    }
  }

  private snapped(move: Point): Snapped {
    const { frame, others } = this;
    if (!frame || snapping() === 'none') return { dx: move.x, dy: move.y, guides: [] };
    if (snapping() === 'grid') return snapToGrid(frame, move, GRID);
    return snapToOthers(frame, move, others, REACH / this.stage.camera.zoom);
  }
}
