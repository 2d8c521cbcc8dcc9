import type { Board } from './board';
import { deleteSelected, duplicateSelected, groupSelected, moveInDepth, nudge, selectAll } from './commands';
import { randomId } from './random';
import { holdsText } from './scene/shape';
import { LOOKING } from './tools/tool';
import { TOOLS } from './ui/toolbar';

/** A key and what it does: the help overlay shows this very table. */
export interface Shortcut {
  /** As written on the key caps, modifiers first, separated by spaces. */
  readonly keys: string;
  readonly label: string;
  readonly group: string;
  /** It changes what is on the board: nothing for those who may only look. */
  readonly isEdit?: boolean;
  /** Missing for what the pointer does. */
  readonly run?: () => void;
  /** Other ways to write the same. */
  readonly also?: readonly string[];
}

/** Canvas units that an arrow key moves the selection. */
const NUDGE = { plain: 1, shift: 10 };

export function shortcutsOf(board: Board, toggleHelp: () => void): Shortcut[] {
  return [...toolKeys(board), ...editKeys(board), ...orderKeys(board), ...viewKeys(board, toggleHelp)];
}

function toolKeys(board: Board): Shortcut[] {
  const also: Readonly<Record<string, readonly string[]>> = { draw: ['P'], ellipse: ['E'], note: ['S'] };
  const group = 'Tools';
  const tools = TOOLS.map(({ tool, label, key }) => ({
    keys: key,
    label,
    group,
    run: () => board.setTool(tool),
    isEdit: !LOOKING.has(tool),
    ...(also[tool] ? { also: also[tool] } : {}),
  }));
  return [...tools, { group, keys: 'Enter', label: 'Place it in the middle' }];
}

function editKeys(board: Board): Shortcut[] {
  const { canvas } = board;
  const group = 'Edit';
  return [
    { group, keys: 'Ctrl Z', label: 'Undo', isEdit: true, run: () => canvas.undo() },
    { group, keys: 'Ctrl Shift Z', label: 'Redo', isEdit: true, run: () => canvas.redo(), also: ['Ctrl Y'] },
    { group, keys: 'Ctrl C', label: 'Copy' },
    { group, keys: 'Ctrl V', label: 'Paste' },
    { group, keys: 'Ctrl D', label: 'Duplicate', isEdit: true, run: () => duplicateSelected(board) },
    { group, keys: 'Del', label: 'Delete', isEdit: true, run: () => deleteSelected(board), also: ['Delete', 'Backspace'] },
    { group, keys: 'Ctrl G', label: 'Group', isEdit: true, run: () => groupSelected(board, randomId()) },
    { group, keys: 'Ctrl Shift G', label: 'Ungroup', isEdit: true, run: () => groupSelected(board, null) },
    { group, keys: 'Ctrl A', label: 'Select all', run: () => chooseAll(board) },
    { group, keys: 'Enter', label: 'Edit text', isEdit: true, run: () => enter(board) },
    { group, keys: 'Esc', label: 'Give up, select nothing', run: () => board.escape(), also: ['Escape'] },
  ];
}

function orderKeys(board: Board): Shortcut[] {
  const group = 'Arrange';
  return [
    { group, keys: ']', label: 'Bring forward', isEdit: true, run: () => moveInDepth(board, 'forward') },
    { group, keys: '[', label: 'Send backward', isEdit: true, run: () => moveInDepth(board, 'backward') },
    { group, keys: 'Shift ]', label: 'Bring to front', isEdit: true, run: () => moveInDepth(board, 'front'), also: ['Shift }'] },
    { group, keys: 'Shift [', label: 'Send to back', isEdit: true, run: () => moveInDepth(board, 'back'), also: ['Shift {'] },
    { group, keys: '← ↑ ↓ →', label: 'Move by 1, with Shift by 10' },
    { group, keys: 'Alt drag', label: 'Drag a copy' },
    { group, keys: 'Ctrl drag', label: 'Snap to nothing' },
    { group, keys: 'Shift drag', label: 'Keep proportions or direction' },
  ];
}

function viewKeys(board: Board, toggleHelp: () => void): Shortcut[] {
  const { camera } = board;
  const group = 'View';
  const step = (direction: 1 | -1) => (): void => board.flyTo(camera.zoomed(camera.step(direction)));
  return [
    { group, keys: '+', label: 'Zoom in', run: step(1), also: ['=', 'Ctrl +', 'Ctrl ='] },
    { group, keys: '−', label: 'Zoom out', run: step(-1), also: ['-', 'Ctrl -'] },
    { group, keys: '0', label: 'Zoom to 100 %', run: () => board.flyTo(camera.zoomed(1)), also: ['Ctrl 0'] },
    { group, keys: 'Shift 1', label: 'Show everything', run: () => board.fitAll(), also: ['Shift !'] },
    { group, keys: 'Shift 2', label: 'Show the selection', run: () => board.fitSelection(), also: ['Shift @', 'Shift "'] },
    { group, keys: 'Space drag', label: 'Move the view' },
    { group, keys: 'Ctrl wheel', label: 'Zoom' },
    { group, keys: '?', label: 'This list', run: toggleHelp, also: ['Shift ?'] },
  ];
}

function chooseAll(board: Board): void {
  board.setTool('select');
  selectAll(board);
}

/** Places what is to be drawn, or opens the text of what is selected. */
function enter(board: Board): void {
  if (board.toolName !== 'select') return board.place();
  const [id] = board.selection.ids;
  const shape = id === undefined ? undefined : board.scene.get(id);
  if (board.selection.size === 1 && shape && holdsText(shape.type)) board.editText(shape.id);
}

/** How the event would be written in the table. */
function written(e: KeyboardEvent): string {
  const key = e.key.length === 1 ? e.key.toUpperCase() : e.key;
  return [e.ctrlKey || e.metaKey ? 'Ctrl' : '', e.shiftKey ? 'Shift' : '', key].filter((part) => part !== '').join(' ');
}

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLTextAreaElement || (target instanceof HTMLInputElement && target.type === 'text');

/** An open dialog has the keys for itself. */
const isInDialog = (): boolean => document.querySelector('dialog[open]') !== null;

type Action = Pick<Required<Shortcut>, 'run' | 'isEdit'>;

/** Listens to the whole page, except while somebody types. */
export function listenToKeys(board: Board, shortcuts: readonly Shortcut[]): void {
  const actions = new Map<string, Action>();
  for (const { keys, also = [], run, isEdit = false } of shortcuts) if (run) for (const k of [keys, ...also]) actions.set(k, { run, isEdit });

  addEventListener('keydown', (e) => {
    if (isTyping(e.target) || e.altKey || isInDialog()) return;
    if (e.key === ' ' && !(e.target instanceof HTMLButtonElement)) {
      e.preventDefault();
      board.input.holdSpace(true);
      return;
    }
    const arrow = ARROWS[e.key];
    const action = arrow && board.selection.size > 0 ? nudging(board, arrow, e.shiftKey) : actions.get(written(e));
    // A focused button takes Enter for itself, unless it is the tool already in hand.
    const isButtons = e.target instanceof HTMLButtonElement && e.target.dataset['tool'] !== board.toolName;
    if (!action || (e.key === 'Enter' && isButtons)) return;
    e.preventDefault();
    if (action.isEdit ? board.canEdit : board.isOpen) action.run();
  });
  addEventListener('keyup', (e) => {
    if (e.key === ' ') board.input.holdSpace(false);
  });
  addEventListener('blur', () => board.input.holdSpace(false));
}

function nudging(board: Board, [dx, dy]: readonly [number, number], far: boolean): Action {
  const by = far ? NUDGE.shift : NUDGE.plain;
  return { run: () => nudge(board, dx * by, dy * by), isEdit: true };
}
