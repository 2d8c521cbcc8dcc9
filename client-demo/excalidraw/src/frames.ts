/** Runs something once a frame at most, while it is asked for; a page that nobody sees has no frames, and goes on without. */
const WITHOUT_FRAMES_MS = 100;

export class Frames {
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly work: () => void) {}

  request(): void {
    if (this.timer !== undefined) return;
    this.timer = setTimeout(() => this.run(), WITHOUT_FRAMES_MS);
    requestAnimationFrame(() => this.run());
  }

  /** Now, if it was asked for. */
  run(): void {
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.work();
  }
}
