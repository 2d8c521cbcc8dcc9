import { newBoardAddress } from '../project';
import { h } from './dom';

/** Why somebody does not get in. */
export type Barrier = 'forbidden' | 'deleted' | 'unknown' | 'ended' | 'password';

/** @param wasIn they were on the board before */
export function describeBarrier(barrier: Barrier, wasIn: boolean, unsent: number): { readonly title: string; readonly text: string } {
  const ask = 'Ask its owner to share it with you, and open the link that they give you.';
  const kept = unsent === 0 ? '' : ` ${unsent === 1 ? '1 change was' : `${unsent} changes were`} not sent yet; this browser keeps what it can for when you come back.`;
  switch (barrier) {
    case 'forbidden':
      return { title: wasIn ? 'You have no access to this board any more' : 'You have no access to this board', text: ask + kept };
    case 'deleted':
      return { title: 'This board was deleted', text: 'An owner has deleted it, and nothing of it is left.' };
    case 'unknown':
      return { title: 'This board does not know you', text: `It is not open to everybody. ${ask}` };
    case 'ended':
      return { title: 'Your access to this board has ended', text: `What you came with is not valid, or not any more. ${ask}${kept}` };
    case 'password':
      return { title: 'This link asks for a password', text: 'Ask whoever gave you the link for it.' };
  }
}

/** A page in front of the board, for those who do not get in: what is the matter, and whom to ask. */
export class Wall {
  private readonly title = h('h1', { id: 'wall-title' });
  private readonly text = h('p', { id: 'wall-text' });
  private readonly again = h('button', { type: 'button', class: 'wide main', onclick: () => location.reload() }, 'Try again');
  readonly element: HTMLDialogElement;

  constructor() {
    const other = h('button', { type: 'button', class: 'wide', onclick: () => location.assign(newBoardAddress()) }, 'Start a new board');
    this.element = h(
      'dialog',
      { class: 'wall', 'aria-labelledby': 'wall-title', 'aria-describedby': 'wall-text' },
      h('div', {}, this.title, this.text, h('div', { class: 'answers' }, other, this.again)),
    );
    // There is nothing behind it to go back to.
    this.element.addEventListener('cancel', (e) => e.preventDefault());
    this.element.addEventListener('close', () => this.element.showModal());
    this.element.addEventListener('keydown', (e) => {
      if (e.key === 'Escape') e.preventDefault();
    });
  }

  show(barrier: Barrier, wasIn: boolean, unsent: number): void {
    if (this.element.open) return;
    const { title, text } = describeBarrier(barrier, wasIn, unsent);
    this.title.textContent = title;
    this.text.textContent = text;
    document.title = title;
    this.element.showModal();
    this.again.focus();
  }
}
