import type { Board } from '../board';
import { selectedShapes } from '../commands';
import { pictureAt } from '../render/images';
import { paintShape } from '../render/shapes';
import { inflate, unionOf, type Rect } from '../scene/geometry';
import { byDepth, type Shape } from '../scene/shape';
import { svgOf } from './svg';

/** Canvas units around what is exported. */
const MARGIN = 24;
/** Pixels per canvas unit, and pixels of a picture's longer side at most: browsers refuse larger ones. */
const SHARPNESS = 2;
const LARGEST = 8192;

export type Format = 'png' | 'svg';

/** Why there is nothing to save, in words for the user; undefined when it was saved. */
export async function exportBoard(board: Board, format: Format): Promise<string | undefined> {
  const picked = selectedShapes(board);
  const shapes = (picked.length > 0 ? picked : [...board.scene.all()]).sort(byDepth);
  const bounds = unionOf(shapes.map(({ painted }) => painted));
  if (!bounds) return 'There is nothing to export yet.';
  const area = inflate(bounds, MARGIN);
  const blob = format === 'svg' ? new Blob([svgOf(shapes, area, board.screen.look, true)], { type: 'image/svg+xml' }) : await pngOf(board, shapes, area);
  if (blob === undefined) return 'This browser could not make the picture. Select fewer shapes and try again.';
  save(blob, `board.${format}`);
  return undefined;
}

async function pngOf(board: Board, shapes: readonly Shape[], area: Rect): Promise<Blob | undefined> {
  const scale = Math.min(SHARPNESS, LARGEST / Math.max(area.w, area.h));
  const paper = document.createElement('canvas');
  [paper.width, paper.height] = [Math.ceil(area.w * scale), Math.ceil(area.h * scale)];
  const ctx = paper.getContext('2d');
  if (!ctx) return undefined;
  const theme = board.screen.look;
  ctx.fillStyle = theme.paper;
  ctx.fillRect(0, 0, paper.width, paper.height);
  ctx.setTransform(scale, 0, 0, scale, -area.x * scale, -area.y * scale);
  // A picture that may only be looked at would make all of it unreadable.
  const readable = shapes.filter(({ type, url }) => {
    const picture = type === 'image' ? pictureAt(url) : undefined;
    return picture?.state !== 'there' || picture.isClean;
  });
  for (const shape of readable) paintShape({ ctx, theme, scale }, shape, true);
  return new Promise((resolve) => paper.toBlob((blob) => resolve(blob ?? undefined)));
}

function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
