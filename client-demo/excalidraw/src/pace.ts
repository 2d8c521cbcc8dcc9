/**
 * How often a stroke is sent while it is being drawn.
 *
 * A stroke is one property, all of its points; sent with every frame, a long one would take a megabyte a second. So it is sent the more rarely, the longer
 * it has become, and its pace stays below 50 KB a second.
 */
const MS_PER_POINT = 0.4;
const MOST_MS = 600;

export class Pace {
  private readonly sentAt = new Map<string, number>();

  /** Whether a stroke may be sent now. */
  isDue(id: string, points: number, now: number): boolean {
    return now - (this.sentAt.get(id) ?? -Infinity) >= Math.min(MOST_MS, points * MS_PER_POINT);
  }

  sent(id: string, now: number): void {
    this.sentAt.set(id, now);
  }

  /** Nothing is being drawn any more. */
  reset(): void {
    this.sentAt.clear();
  }
}
