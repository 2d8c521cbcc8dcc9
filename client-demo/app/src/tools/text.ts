import { holdsText } from '../scene/shape';
import type { Press, Stage, Tool } from './tool';

/** Starts a text where one clicks, or goes on with the one that is there. */
export class TextTool implements Tool {
  readonly cursor = 'text';
  private isDown = false;

  constructor(private readonly stage: Stage) {}

  down(): void {
    this.isDown = true;
  }

  move(): void {
    // Text has no size before it is written: dragging means nothing.
  }

  up(press: Press): void {
    if (!this.isDown) return;
    this.isDown = false;
    const { scene, camera } = this.stage;
    const under = scene.at(press.at, 4 / camera.zoom);
    this.stage.setTool('select');
    this.stage.editText(under && holdsText(under.type) ? under.id : { at: press.at });
  }

  cancel(): void {
    this.isDown = false;
  }
}
