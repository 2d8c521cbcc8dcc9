import type { Board } from '../board';
import { exportBoard, type Format } from '../export/export';
import { insertImage, pictureAddress } from '../image';
import { excalidrawAddress } from '../project';
import { chooseScheme, scheme, type Scheme } from '../scheme';
import { chooseSnapping, snapping } from '../snapping';
import { menu } from './menu';
import type { Minimap } from './minimap';
import type { Toasts } from './toasts';

async function askForImage(board: Board, toasts: Toasts): Promise<void> {
  const text = prompt('The address of an image, such as https://example.com/picture.png');
  if (text === null || text.trim() === '') return;
  const address = pictureAddress(text);
  const isThere = address !== undefined && (await insertImage(board, address));
  if (!isThere) toasts.show('There is no image at this address. Copy the address of the image itself, not of its page.', 'bad');
}

/** What concerns the whole board: pictures of it, and how it looks. */
export function boardMenu(board: Board, project: string, minimap: Minimap, toasts: Toasts): HTMLElement {
  const save = (format: Format) => (): void =>
    void exportBoard(board, format).then((problem) => {
      if (problem !== undefined) toasts.show(problem);
    });
  const look = (label: string, which: Scheme) => ({ label, run: () => chooseScheme(which), isOn: () => scheme() === which });
  return menu('Board', [
    { label: 'Export as PNG', run: save('png') },
    { label: 'Export as SVG', run: save('svg') },
    { label: 'Image by its address…', run: () => void askForImage(board, toasts), isApart: true },
    { label: 'Map of the board', run: () => minimap.toggle(), isOn: () => minimap.isShown, isApart: true },
    { label: 'Snap to shapes', run: () => chooseSnapping(snapping() === 'shapes' ? 'none' : 'shapes'), isOn: () => snapping() === 'shapes' },
    { label: 'Snap to the grid', run: () => chooseSnapping(snapping() === 'grid' ? 'none' : 'grid'), isOn: () => snapping() === 'grid' },
    { ...look('Colours of the system', 'system'), isApart: true },
    look('Light colours', 'light'),
    look('Dark colours', 'dark'),
    { label: 'A board with Excalidraw', run: () => void open(excalidrawAddress(project)), isApart: true },
  ]);
}
