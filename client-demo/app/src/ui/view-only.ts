import type { Canvas } from '@collabcanvas/sdk';
import { onRole, whyViewOnly } from '../rights';
import { h } from './dom';

/** Says that one may only look, and why; nothing to those who may edit. */
export function viewOnlyChip(canvas: Canvas): HTMLElement {
  const reason = h('span', { class: 'unseen' });
  const chip = h('span', { class: 'view-only', hidden: true }, 'View only', reason);
  const show = (): void => {
    const why = whyViewOnly(canvas.role);
    chip.hidden = why === undefined;
    chip.title = why ?? '';
    reason.textContent = why === undefined ? '' : `. ${why}`;
  };
  onRole(canvas, show);
  show();
  // The region is there before the words, so that they are read out when they come.
  return h('div', { class: 'view-only-holder', role: 'status' }, chip);
}
