/** Who listens to which object: a change is told only to those whom it concerns, however many there are. */
import type { Canvas } from '../canvas.js';

type Listeners = Map<string, Set<() => void>>;

const listening = new WeakMap<Canvas<object>, Listeners>();

/** @returns ends it */
export function listenToObject(canvas: Canvas<object>, id: string, listener: () => void): () => void {
  const listeners = listening.get(canvas) ?? start(canvas);
  const those = listeners.get(id) ?? new Set();
  listeners.set(id, those.add(listener));
  return () => {
    those.delete(listener);
    if (those.size === 0 && listeners.get(id) === those) listeners.delete(id);
  };
}

function start(canvas: Canvas<object>): Listeners {
  const listeners: Listeners = new Map();
  listening.set(canvas, listeners);
  canvas.on('change', ({ ids }) => {
    const concerned = ids === 'all' ? listeners.keys() : ids;
    for (const id of [...concerned]) for (const listener of [...(listeners.get(id) ?? [])]) listener();
  });
  return listeners;
}
