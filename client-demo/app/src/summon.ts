import type { Canvas } from '@collabcanvas/sdk';
import { othersOn, rectOf } from './peers';
import type { Rect } from './scene/geometry';
import type { Toasts } from './ui/toasts';

const TOPIC = 'summon';
/** Milliseconds that an invitation stays. */
const SHOWN = 15_000;

/** What an invitation can do for whoever takes it. */
export interface Guest {
  readonly canvas: Canvas;
  follow(session: number): void;
  visit(place: Rect): void;
}

/** Asks everybody to come and look. */
export function summon(canvas: Canvas, { x, y, w, h }: Rect): void {
  canvas.broadcast(TOPIC, [x, y, w, h].map(Math.round));
}

/** Offers to go where somebody calls, and to stay with them. */
export function hearSummons(guest: Guest, toasts: Toasts): void {
  guest.canvas.on('broadcast', ({ from, topic, data }) => {
    const place = topic === TOPIC ? rectOf(data) : undefined;
    const person = othersOn(guest.canvas).find(({ session }) => session === from);
    if (place === undefined || person === undefined) return;
    toasts.show(`${person.name} asks everyone to come.`, 'plain', SHOWN, [
      { label: 'Go there', run: () => guest.visit(place) },
      { label: 'Follow', run: () => guest.follow(from) },
    ]);
  });
}
