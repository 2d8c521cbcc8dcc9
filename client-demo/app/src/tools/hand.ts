import type { Press, Stage, Tool } from './tool';

/** Moves the view. */
export class HandTool implements Tool {
  private last: Press | undefined;

  constructor(private readonly stage: Stage) {}

  get cursor(): string {
    return this.last ? 'grabbing' : 'grab';
  }

  down(press: Press): void {
    this.last = press;
  }

  move(press: Press): void {
    if (this.last) this.stage.camera.panBy(press.screen.x - this.last.screen.x, press.screen.y - this.last.screen.y);
    this.last = press;
  }

  up(): void {
    this.last = undefined;
  }

  cancel(): void {
    this.last = undefined;
  }
}
