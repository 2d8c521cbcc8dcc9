import type { Board } from '../board';
import { exportBoard, type Format } from '../export/export';
import { excalidrawAddress } from '../project';
import { mayEdit } from '../rights';
import { chooseScheme, scheme, type Scheme } from '../scheme';
import { chooseSnapping, snapping } from '../snapping';
import type { ImageDialog } from './image-dialog';
import { menu } from './menu';
import type { Minimap } from './minimap';
import type { Toasts } from './toasts';

/** What concerns the whole board: pictures of it, and how it looks. */
export function boardMenu(board: Board, project: string, images: ImageDialog, minimap: Minimap, toasts: Toasts): HTMLElement {
  const save = (format: Format) => (): void =>
    void exportBoard(board, format).then((problem) => {
      if (problem !== undefined) toasts.show(problem);
    });
  const look = (label: string, which: Scheme) => ({ label, run: () => chooseScheme(which), isOn: () => scheme() === which });
  return menu('Board', [
    { label: 'Export as PNG', run: save('png') },
    { label: 'Export as SVG', run: save('svg') },
    { label: 'Image by its address…', run: () => images.open(), isApart: true, isThere: () => mayEdit(board.canvas) },
    { label: 'Map of the board', run: () => minimap.toggle(), isOn: () => minimap.isShown, isApart: true },
    { label: 'Snap to shapes', run: () => chooseSnapping(snapping() === 'shapes' ? 'none' : 'shapes'), isOn: () => snapping() === 'shapes' },
    { label: 'Snap to the grid', run: () => chooseSnapping(snapping() === 'grid' ? 'none' : 'grid'), isOn: () => snapping() === 'grid' },
    { ...look('Colours of the system', 'system'), isApart: true },
    look('Light colours', 'light'),
    look('Dark colours', 'dark'),
    { label: 'A board with Excalidraw', run: () => void open(excalidrawAddress(project)), isApart: true },
  ]);
}
