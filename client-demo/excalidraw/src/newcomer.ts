import type { Canvas } from '@collabcanvas/sdk';
import { othersOn, PERSON_COLOURS, saveProfile } from './demo';

/** Whoever is here for the first time takes a colour that nobody has, as on the whiteboard. */
export function takeFreeColour(canvas: Canvas, profile: { readonly name: string; readonly color: string }): void {
  const stop = canvas.on('presence', () => {
    const taken = new Set(othersOn(canvas).map(({ color }) => color));
    if (taken.size === 0) return;
    stop();
    const color = PERSON_COLOURS.find((free) => !taken.has(free));
    if (color === undefined || !taken.has(profile.color)) return;
    saveProfile({ name: profile.name, color });
    canvas.presence.set({ color });
  });
}
