import { changeableShapes, selectedShapes } from '../../commands';
import { mayEdit } from '../../rights';
import { distance } from '../../scene/geometry';
import { holdsText, type Shape } from '../../scene/shape';
import { slackOf, type Drag, type OverlayBrush, type Press, type Stage, type Tool } from '../tool';
import { AreaDrag } from './area';
import { EndpointDrag } from './endpoint';
import { cursorFor, Handles, traceShape, type Handle } from './handles';
import { MoveDrag } from './move';
import { ResizeDrag } from './resize';
import { RotateDrag } from './rotate';

/** CSS pixels around the pointer in which a thin line can be caught. */
const TOLERANCE = { mouse: 6, touch: 12 };

/** Selects, moves, resizes and turns. */
export class SelectTool implements Tool {
  cursor = 'default';
  private start: Press | undefined;
  private handle: Handle | undefined;
  private drag: Drag | undefined;
  private hovered: string | undefined;
  /** A press on something already selected; a click without a drag then selects it alone. */
  private narrowTo: string | undefined;

  constructor(private readonly stage: Stage) {}

  down(press: Press): void {
    this.start = press;
    this.narrowTo = undefined;
    this.hovered = undefined;
    const handles = this.handles();
    this.handle = this.handleAt(handles, press);
    if (this.handle) return;
    const { selection } = this.stage;
    const shape = this.shapeAt(press);
    if (!shape) {
      if (!press.shift && !handles.encloses(press.screen)) selection.clear();
    } else if (press.shift) {
      selection.toggle(this.stage.scene.mates(shape.id));
    } else if (selection.has(shape.id)) {
      this.narrowTo = shape.id;
    } else {
      selection.set(this.stage.scene.mates(shape.id));
    }
    this.stage.redraw();
  }

  move(press: Press): void {
    if (!this.start) return;
    if (!this.drag && distance(press.screen, this.start.screen) < slackOf(press)) return;
    this.drag ??= this.begin(this.start);
    this.drag.move(press);
  }

  up(press: Press): void {
    if (this.drag) this.drag.end(press);
    else if (this.narrowTo !== undefined) this.narrow(this.narrowTo);
    else if (this.start && !this.start.shift && !this.handle && !this.shapeAt(press)) this.stage.selection.clear();
    this.forget();
  }

  cancel(): void {
    this.drag?.cancel();
    this.forget();
  }

  hover(press: Press): void {
    const handles = this.handles();
    const handle = this.handleAt(handles, press);
    const shape = handle ? undefined : this.shapeAt(press);
    this.cursor = handle ? cursorFor(handle, handles.frame?.rotation ?? 0) : shape ? (mayEdit(this.stage.canvas) ? 'move' : 'pointer') : 'default';
    if (shape?.id === this.hovered) return;
    this.hovered = shape?.id;
    this.stage.redraw();
  }

  doubleClick(press: Press): void {
    const shape = this.shapeAt(press);
    if (!shape) this.stage.editText({ at: press.at });
    else if (holdsText(shape.type)) this.stage.editText(shape.id);
  }

  paint(brush: OverlayBrush): void {
    const { scene, selection } = this.stage;
    const hovered = this.hovered === undefined || selection.has(this.hovered) ? undefined : scene.get(this.hovered);
    if (hovered) {
      brush.ctx.strokeStyle = brush.theme.accent;
      brush.ctx.lineWidth = 1.5;
      traceShape(brush.ctx, hovered, brush.camera);
    }
    const handles = this.handles();
    handles.paintOutlines(brush);
    if (!(this.drag instanceof AreaDrag)) handles.paint(brush, mayEdit(this.stage.canvas));
    this.drag?.paint?.(brush);
  }

  /** From everything that is selected to the group of a shape, and from there to the shape alone. */
  private narrow(id: string): void {
    const { scene, selection } = this.stage;
    const group = scene.mates(id);
    selection.set(selection.size > group.length ? group : [id]);
  }

  private handles(): Handles {
    return new Handles(selectedShapes(this.stage), this.stage.camera);
  }

  /** Who may only look has nothing to hold. */
  private handleAt(handles: Handles, { screen, touch }: Press): Handle | undefined {
    return mayEdit(this.stage.canvas) ? handles.at(screen, touch) : undefined;
  }

  private shapeAt({ at, touch }: Press): Shape | undefined {
    return this.stage.scene.at(at, (touch ? TOLERANCE.touch : TOLERANCE.mouse) / this.stage.camera.zoom);
  }

  private begin(start: Press): Drag {
    const { stage, handle } = this;
    const shapes = changeableShapes(stage);
    const { frame } = new Handles(shapes, stage.camera);
    const [only] = shapes;
    if (handle && frame && only) {
      if (handle.kind === 'turn') return new RotateDrag(stage, shapes, frame, start.at);
      if (handle.kind === 'end') return new EndpointDrag(stage, only, handle.index);
      return new ResizeDrag(stage, shapes, frame, handle.grip, start.at);
    }
    const movable = shapes.length > 0 && (this.shapeAt(start) !== undefined || this.handles().encloses(start.screen));
    if (movable && !start.shift) return new MoveDrag(stage, shapes, start.at, start.alt);
    return new AreaDrag(stage, start.at, start.shift);
  }

  private forget(): void {
    this.start = undefined;
    this.drag = undefined;
    this.handle = undefined;
    this.stage.redraw();
  }
}
