import type { Value } from '@collabcanvas/sdk';
import type { Board } from './board';
import { copyInFront, deleteSelected, originalsOf, selectedShapes, type Original } from './commands';
import { insertImage, pictureAddress } from './image';
import { INK } from './palette';
import { boundsOf, unionOf } from './scene/geometry';
import { DEFAULT_FONT_SIZE, SHAPE_TYPES } from './scene/shape';
import { layoutText, heightOf } from './render/text';

/** Shapes travel over the clipboard as text with this mark, so that they also arrive on another board. */
const MARK = 'collabcanvas/shapes:';
/** Objects that one paste may bring. */
const MOST = 5000;

const isTyping = (): boolean =>
  document.activeElement instanceof HTMLTextAreaElement || document.activeElement instanceof HTMLInputElement;

export function listenToClipboard(board: Board): void {
  const copy = (e: ClipboardEvent): boolean => {
    if (isTyping() || board.selection.size === 0) return false;
    e.clipboardData?.setData('text/plain', MARK + JSON.stringify(originalsOf(board, selectedShapes(board))));
    e.preventDefault();
    return true;
  };
  document.addEventListener('copy', copy);
  document.addEventListener('cut', (e) => {
    if (copy(e)) deleteSelected(board);
  });
  document.addEventListener('paste', (e) => {
    const text = e.clipboardData?.getData('text/plain') ?? '';
    if (isTyping() || text === '' || !board.canEdit) return;
    e.preventDefault();
    const address = pictureAddress(text);
    if (address !== undefined) {
      void insertImage(board, address).then((isPicture) => {
        if (!isPicture) insert(board, [textFrom(text)]);
      });
      return;
    }
    const pasted = text.startsWith(MARK) ? shapesIn(text.slice(MARK.length)) : [textFrom(text)];
    if (pasted.length > 0) insert(board, pasted);
  });
}

/** What came over the clipboard may have been made by anybody: only whole shapes are taken. */
function shapesIn(json: string): Original[] {
  try {
    const list: unknown = JSON.parse(json);
    return Array.isArray(list) ? list.filter(isOriginal).slice(0, MOST) : [];
  } catch {
    return [];
  }
}

function isOriginal(value: unknown): value is Original {
  if (typeof value !== 'object' || value === null || !('id' in value) || !('props' in value)) return false;
  const { id, props } = value;
  if (typeof id !== 'string' || typeof props !== 'object' || props === null || !('type' in props)) return false;
  return SHAPE_TYPES.some((type) => type === props.type);
}

function textFrom(text: string): Original {
  const layout = layoutText(text.slice(0, 10_000).trimEnd(), Infinity, DEFAULT_FONT_SIZE);
  const props = {
    type: 'text',
    x: 0,
    y: 0,
    w: layout.width,
    h: heightOf(layout),
    rotation: 0,
    text: layout.lines.join('\n'),
    fontSize: DEFAULT_FONT_SIZE,
    stroke: INK.light.ink,
    opacity: 1,
  };
  return { id: '', props };
}

/** Puts the shapes in the middle of what is in sight, and selects them. */
function insert(board: Board, originals: readonly Original[]): void {
  const number = (value: Value | undefined): number => (typeof value === 'number' ? value : 0);
  const boxes = originals.map(({ props: p }) => boundsOf({ x: number(p['x']), y: number(p['y']), w: number(p['w']), h: number(p['h']), rotation: 0 }));
  const around = unionOf(boxes);
  if (!around) return;
  const view = board.camera.visible();
  const dx = Math.round(view.x + view.w / 2 - around.x - around.w / 2);
  const dy = Math.round(view.y + view.h / 2 - around.y - around.h / 2);
  const moved = originals.map(({ id, props }) => ({ id, props: { ...props, x: number(props['x']) + dx, y: number(props['y']) + dy } }));
  board.setTool('select');
  board.selection.set(copyInFront(board, moved));
}
