import { CanvasError, type Canvas, type Tx, type Value } from '@collabcanvas/sdk';
import { mayEdit } from './rights';
import type { Props, Scene } from './scene/scene';

/** Milliseconds between two updates sent of one shape; a drag of many shapes is sent more rarely. */
const INTERVAL = 30;
const LONGEST_INTERVAL = 400;
/** Shapes that may be sent at the full rate. */
const LIGHT = 60;
/** Ops in one batch; the server refuses more than 500. */
const BATCH = 400;

/**
 * Applies a change to any number of objects, in batches that the server takes, as one undo step.
 * @param change called again for the same item when its batch had too many bytes and is split
 */
export function inBatches<T>(canvas: Canvas, items: readonly T[], change: (tx: Tx, item: T) => void): void {
  canvas.gesture(() => {
    for (let from = 0; from < items.length; from += BATCH) batchOrSplit(canvas, items.slice(from, from + BATCH), change);
  });
}

function batchOrSplit<T>(canvas: Canvas, items: readonly T[], change: (tx: Tx, item: T) => void): void {
  try {
    canvas.batch((tx) => items.forEach((item) => change(tx, item)));
  } catch (error) {
    const isTooLarge = error instanceof CanvasError && error.code === 'batch_too_large';
    if (!isTooLarge || items.length < 2) throw error;
    const half = Math.ceil(items.length / 2);
    batchOrSplit(canvas, items.slice(0, half), change);
    batchOrSplit(canvas, items.slice(half), change);
  }
}

/**
 * One gesture, such as a drag: every step shows here at once, others see about thirty a second, and undo takes it back
 * as a whole. Ends with `end` or `cancel`, exactly once. When the canvas refuses a step (nobody may edit here any more), the
 * error goes on to whoever called, and the gesture sends nothing more.
 */
export class LiveEdit {
  private readonly unsent = new Map<string, Record<string, Value>>();
  private readonly touched = new Set<string>();
  private sentAt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private sentAny = false;
  private isOpen = true;
  private isRefused = false;

  constructor(
    private readonly canvas: Canvas,
    private readonly scene: Scene,
  ) {
    canvas.beginGesture();
  }

  /** Creates an object at once: nothing can be shown of it before it exists. */
  create(props: Props): string {
    let id = '';
    this.run(() =>
      this.canvas.batch((tx) => {
        id = tx.create({ ...props });
      }),
    );
    return id;
  }

  /** Changes made by others' functions that belong to the gesture too. */
  run<T>(change: () => T): T {
    this.send();
    const result = this.guard(change);
    this.sentAny = true;
    return result;
  }

  update(id: string, set: Props): void {
    const merged = { ...this.unsent.get(id), ...set };
    this.unsent.set(id, merged);
    this.touched.add(id);
    this.scene.preview(id, merged);
  }

  /** To be called after the updates of one step: sends them now or soon. */
  flush(): void {
    const wait = this.sentAt + this.interval() - performance.now();
    if (wait <= 0) this.send();
    else this.timer ??= setTimeout(() => this.send(), wait);
  }

  end(): void {
    if (!this.isOpen) return;
    try {
      this.send();
    } finally {
      this.close();
    }
  }

  /** As if nothing had happened; for who may not edit any more, what others have seen stays. */
  cancel(): void {
    if (!this.isOpen) return;
    this.unsent.clear();
    this.close();
    if (this.sentAny && mayEdit(this.canvas)) this.canvas.undo();
  }

  private close(): void {
    this.isOpen = false;
    clearTimeout(this.timer);
    this.canvas.endGesture();
    for (const id of this.touched) this.scene.settle(id);
  }

  private interval(): number {
    return Math.min(LONGEST_INTERVAL, INTERVAL * Math.max(1, this.unsent.size / LIGHT));
  }

  private send(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.sentAt = performance.now();
    const changes = [...this.unsent].filter(([id]) => this.canvas.get(id) !== undefined);
    this.unsent.clear();
    if (this.isRefused || changes.length === 0) return;
    this.guard(() => inBatches(this.canvas, changes, (tx, [id, set]) => tx.update(id, set)));
    this.sentAny = true;
  }

  private guard<T>(change: () => T): T {
    try {
      return change();
    } catch (error) {
      this.isRefused = true;
      throw error;
    }
  }
}
