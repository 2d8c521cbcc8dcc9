/**
 * The editor chooses a person's colour by itself, a hue that it makes of their id. So each gets an id that leads to the hue of their own colour, which the
 * whiteboard shows as well.
 */

/** Hues are multiples of this many degrees, the highest 360. */
const STEP = 10;
const HUES = 37;

/** The hue, in degrees, that the editor gives to whoever has this id (its `getClientColor`). */
export function hueOfId(id: string): number {
  let hash = 0;
  for (let i = 0; i < id.length; i += 1) hash = (hash << 5) - hash + id.charCodeAt(i);
  return (Math.abs(hash) % HUES) * STEP;
}

/** @param color `#rrggbb` */
export function hueOf(color: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16)) as [number, number, number];
  const most = Math.max(r, g, b);
  const spread = most - Math.min(r, g, b);
  if (spread === 0) return 0;
  const sixth = most === r ? (g - b) / spread : most === g ? 2 + (b - r) / spread : 4 + (r - g) / spread;
  return (sixth * 60 + 360) % 360;
}

/** An id for a session that the editor shows in about this colour. */
export function idOfColour(session: number, color: string): string {
  const wanted = hueOf(color);
  const distance = (id: string): number => {
    const apart = Math.abs(hueOfId(id) - wanted) % 360;
    return Math.min(apart, 360 - apart);
  };
  const ids = Array.from({ length: HUES }, (_, i) => `${session}-${String.fromCharCode(65 + i)}`);
  return ids.reduce((best, id) => (distance(id) < distance(best) ? id : best));
}
