import type { Board } from '../board';
import { mayEdit, onRole } from '../rights';
import { LOOKING, type ToolName } from '../tools/tool';
import { h, iconButton } from './dom';
import { ICONS } from './icons';

interface Entry {
  readonly tool: ToolName;
  readonly label: string;
  readonly key: string;
}

export const TOOLS: readonly Entry[] = [
  { tool: 'select', label: 'Select', key: 'V' },
  { tool: 'hand', label: 'Move the view', key: 'H' },
  { tool: 'draw', label: 'Draw', key: 'D' },
  { tool: 'rect', label: 'Rectangle', key: 'R' },
  { tool: 'ellipse', label: 'Ellipse', key: 'O' },
  { tool: 'arrow', label: 'Arrow', key: 'A' },
  { tool: 'line', label: 'Line', key: 'L' },
  { tool: 'note', label: 'Sticky note', key: 'N' },
  { tool: 'text', label: 'Text', key: 'T' },
];

/** The row of tools at the bottom; for those who may only look, the two that do no more than that. */
export function toolbar(board: Board): HTMLElement {
  const buttons = TOOLS.map(({ tool, label, key }) => {
    const button = iconButton(ICONS[tool], label, () => board.setTool(tool), { keys: key, className: 'tool' });
    button.dataset['tool'] = tool;
    return button;
  });
  const show = (): void => {
    for (const [i, { tool }] of TOOLS.entries()) {
      buttons[i]?.setAttribute('aria-pressed', String(tool === board.toolName));
      buttons[i]?.toggleAttribute('hidden', !LOOKING.has(tool) && !mayEdit(board.canvas));
    }
  };
  board.onTool(show);
  onRole(board.canvas, show);
  show();
  return h('div', { class: 'panel toolbar', role: 'toolbar', 'aria-label': 'Tools' }, ...buttons);
}
