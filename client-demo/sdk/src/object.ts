/** An object of the canvas. */
import type { Props } from './value.js';

/** One thing on the canvas, immutable. `rev` is the seq of its last change that the server confirmed; 0 before the first. */
export interface CanvasObject {
  readonly id: string;
  readonly rev: number;
  readonly props: Readonly<Props>;
}
