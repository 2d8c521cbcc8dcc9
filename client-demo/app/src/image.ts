import type { Value } from '@collabcanvas/sdk';
import type { Board } from './board';
import { createInFront } from './commands';
import { isPictureAddress } from './render/images';

/** Canvas units of a new image's longer side at most. */
const LARGEST = 480;
/** Longest address: a picture inlined into an object would be a burden on everybody. */
const LONGEST = 2048;

/** An address that may be one of a picture, from what was pasted or typed. */
export function pictureAddress(text: string): string | undefined {
  const address = text.trim();
  const isOne = address.length <= LONGEST && !/\s/.test(address) && /^https?:\/\//i.test(address) && isPictureAddress(address);
  return isOne ? address : undefined;
}

/** How large the picture at an address is; undefined when there is none. */
export async function pictureSize(address: string): Promise<{ w: number; h: number } | undefined> {
  const image = new Image();
  image.referrerPolicy = 'no-referrer';
  image.src = address;
  try {
    await image.decode();
  } catch {
    return undefined;
  }
  const { naturalWidth: w, naturalHeight: h } = image;
  return w > 0 && h > 0 ? { w, h } : undefined;
}

/** Puts the picture at an address in the middle of what is in sight. @returns whether there is one */
export async function insertImage(board: Board, address: string): Promise<boolean> {
  const size = await pictureSize(address);
  if (!size || !board.canEdit) return false;
  placeImage(board, address, size);
  return true;
}

/** Puts a picture of a known size in the middle of what is in sight, and selects it. */
export function placeImage(board: Board, address: string, size: { readonly w: number; readonly h: number }): void {
  const scale = Math.min(1, LARGEST / Math.max(size.w, size.h));
  const [w, h] = [Math.round(size.w * scale), Math.round(size.h * scale)];
  const view = board.camera.visible();
  const props: Record<string, Value> = { type: 'image', url: address, x: Math.round(view.x + (view.w - w) / 2), y: Math.round(view.y + (view.h - h) / 2), w, h, rotation: 0, opacity: 1 };
  board.setTool('select');
  board.selection.set(createInFront(board, [props]));
}
