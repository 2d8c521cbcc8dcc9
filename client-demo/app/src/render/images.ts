/** Pictures by their address, loaded once; those that nobody has looked at for long are forgotten. */

export type Picture = { readonly state: 'loading' | 'broken' } | { readonly state: 'there'; readonly image: HTMLImageElement; readonly isClean: boolean };

const MOST = 300;
const known = new Map<string, Picture>();
const listeners = new Set<() => void>();

/** Calls back when a picture has come, or turned out not to. */
export function onPicture(listener: () => void): void {
  listeners.add(listener);
}

/** Whether an address may be asked for a picture. */
export function isPictureAddress(address: string): boolean {
  try {
    return ['https:', 'http:', 'data:'].includes(new URL(address).protocol) && (!address.startsWith('data:') || address.startsWith('data:image/'));
  } catch {
    return false;
  }
}

export function pictureAt(address: string): Picture {
  const found = known.get(address);
  if (found) {
    known.delete(address);
    known.set(address, found);
    return found;
  }
  for (const oldest of [...known.keys()].slice(0, Math.max(0, known.size - MOST))) known.delete(oldest);
  const loading = { state: 'loading' } as const;
  known.set(address, loading);
  if (isPictureAddress(address)) void load(address);
  else settle(address, { state: 'broken' });
  return loading;
}

/** A picture whose server allows it can be exported too; others are only shown. */
async function load(address: string): Promise<void> {
  for (const isClean of [true, false]) {
    const image = new Image();
    if (isClean) image.crossOrigin = 'anonymous';
    image.referrerPolicy = 'no-referrer';
    image.src = address;
    try {
      await image.decode();
      return settle(address, { state: 'there', image, isClean });
    } catch {
      // Asked without the right to read it, it may still be shown.
    }
  }
  settle(address, { state: 'broken' });
}

function settle(address: string, picture: Picture): void {
  known.set(address, picture);
  for (const listener of listeners) listener();
}
