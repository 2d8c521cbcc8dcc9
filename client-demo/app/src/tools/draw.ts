import { LiveEdit } from '../live-edit';
import { propsThrough } from '../scene/outline';
import { simplify, Stroke } from '../scene/stroke';
import { frontKey, type Press, type Stage, type Tool } from './tool';

/** CSS pixels: points nearer than this are left out while drawing, and deviations below it afterwards. */
const SPACING = 1.6;
const TOLERANCE = 0.55;
/** Points after which a stroke goes on as a new one, so that each update stays small. */
const LONGEST = 1500;
/** Above this zoom a canvas unit is coarser than the eye. Whole numbers travel in a third of the bytes. */
const COARSE_ZOOM = 1.25;

/** Freehand drawing. Stays chosen, as one seldom draws a single stroke. */
export class DrawTool implements Tool {
  readonly cursor = 'crosshair';
  private stroke: Stroke | undefined;
  private edit: LiveEdit | undefined;
  private id = '';

  constructor(private readonly stage: Stage) {}

  down(press: Press): void {
    this.stage.selection.clear();
    this.begin(press);
  }

  move(press: Press): void {
    if (!this.stroke) return;
    for (const p of press.trail) this.stroke.add(p);
    const way = this.way();
    if (this.edit) {
      this.edit.update(this.id, way);
      this.edit.flush();
    } else if (way.points.length > 4) {
      this.create(way);
    }
    if (way.points.length / 2 > LONGEST) {
      this.finish();
      this.begin(press);
    }
  }

  up(): void {
    this.finish();
  }

  cancel(): void {
    this.edit?.cancel();
    this.forget();
  }

  private begin(press: Press): void {
    this.stroke = new Stroke(SPACING / this.stage.camera.zoom);
    this.stroke.add(press.at);
  }

  private finish(): void {
    if (!this.stroke) return;
    const points = simplify(this.stroke.points(), TOLERANCE / this.stage.camera.zoom);
    const way = propsThrough(points, this.precision());
    if (this.edit) this.edit.update(this.id, way);
    else this.create(way);
    this.edit?.end();
    this.forget();
  }

  private create(way: ReturnType<typeof propsThrough>): void {
    const { canvas, scene, pen } = this.stage;
    this.edit = new LiveEdit(canvas, scene);
    this.id = this.edit.create({ type: 'draw', ...way, rotation: 0, ...pen.lineProps(), z: frontKey(canvas) });
  }

  private way(): ReturnType<typeof propsThrough> {
    return propsThrough(this.stroke?.points() ?? [], this.precision());
  }

  private precision(): number {
    return this.stage.camera.zoom <= COARSE_ZOOM ? 1 : 10;
  }

  private forget(): void {
    this.edit = undefined;
    this.stroke = undefined;
  }
}
