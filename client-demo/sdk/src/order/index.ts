/** Entry `@collabcanvas/sdk/order`: what lies in front of what. */
import type { Canvas } from '../canvas.js';
import type { CanvasObject } from '../object.js';
import type { Schema } from '../schema.js';
import type { Tx } from '../tx.js';
import { keysForMove } from './keys.js';

/**
 * Moves objects in the drawing order, lowest first. Gives neighbours with equal keys new ones in the same batch.
 * @param below id of the object that shall lie directly below; null: the bottom
 * @param above id of the object that shall lie directly above; null: the top
 * @throws CanvasError `invalid_id` when one of these does not exist
 */
export function moveBetween<Kinds extends Schema<Kinds>>(canvas: Canvas<Kinds>, tx: Tx<Kinds>, ids: readonly string[], below: string | null, above: string | null): void {
  const order = canvas.ordered() as readonly CanvasObject<unknown>[] as readonly CanvasObject[];
  for (const [id, z] of keysForMove(order, ids, below, above)) (tx as unknown as Tx).update(id, { z });
}
