/** How an application opens a project. */
import { Canvas } from './canvas.js';
import type { CanvasOptions } from './options.js';
import type { Schema } from './schema.js';
import type { Props } from './value.js';

/** Opens a project and keeps it open: connects, reconnects, resends, until `close`. `connect<Rect | Note>` says which kinds of objects are in it. */
export function connect<Kinds extends Schema<Kinds> = Props>(options: CanvasOptions): Canvas<Kinds> {
  const canvas = new Canvas<Kinds>(options);
  if (options.keeper === undefined) canvas.reconnect();
  else void canvas.whenOpened();
  return canvas;
}
