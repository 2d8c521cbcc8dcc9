import type { Board } from '../board';
import { pictureAddress, pictureSize, placeImage } from '../image';
import { h } from './dom';

const NOT_THERE = 'There is no image at this address. Copy the address of the image itself, not of its page.';
const NO_ADDRESS = 'This is not an address of an image: it begins with https:// and has no spaces.';
const CLOSED = 'The board cannot be changed right now.';

/** Asks for the address of an image, until there is one or the user gives up. */
export class ImageDialog {
  readonly element: HTMLDialogElement;
  private readonly field = h('input', {
    id: 'image-address',
    type: 'text',
    inputmode: 'url',
    autocomplete: 'off',
    autocapitalize: 'off',
    spellcheck: 'false',
    placeholder: 'https://example.com/picture.png',
    'aria-describedby': 'image-problem',
  });
  private readonly problem = h('p', { id: 'image-problem', class: 'problem', role: 'alert' });
  private readonly accept = h('button', { type: 'submit', class: 'wide main' }, 'Insert');
  /** Counts what was asked for: an answer to something older is not waited for any more. */
  private asked = 0;

  constructor(private readonly board: Board) {
    const cancel = h('button', { type: 'button', class: 'wide', onclick: () => this.element.close() }, 'Cancel');
    const form = h(
      'form',
      { novalidate: true },
      h('h2', { id: 'image-title' }, 'Insert an image'),
      h('label', { for: 'image-address' }, 'Its address on the web'),
      this.field,
      this.problem,
      h('div', { class: 'answers' }, cancel, this.accept),
    );
    this.element = h('dialog', { class: 'ask', 'aria-labelledby': 'image-title' }, form);
    form.addEventListener('submit', (e) => {
      e.preventDefault();
      void this.insert();
    });
    this.field.addEventListener('input', () => this.tell(''));
    this.element.addEventListener('click', (e) => {
      if (e.target === this.element) this.element.close();
    });
    this.element.addEventListener('close', () => {
      this.rest();
      board.surface.focus({ preventScroll: true });
    });
  }

  open(): void {
    this.field.value = '';
    this.tell('');
    this.element.showModal();
    this.field.focus();
  }

  private async insert(): Promise<void> {
    const address = pictureAddress(this.field.value);
    if (address === undefined) return this.tell(NO_ADDRESS);
    const ours = (this.asked += 1);
    this.accept.disabled = true;
    this.accept.textContent = 'Loading…';
    const size = await pictureSize(address);
    if (ours !== this.asked) return;
    this.rest();
    if (size === undefined) return this.tell(NOT_THERE);
    if (!this.board.canEdit) return this.tell(CLOSED);
    this.element.close();
    placeImage(this.board, address, size);
  }

  private tell(problem: string): void {
    this.problem.textContent = problem;
    this.field.setAttribute('aria-invalid', String(problem !== ''));
    if (problem !== '') this.field.select();
  }

  /** Waits for nothing. */
  private rest(): void {
    this.asked += 1;
    this.accept.disabled = false;
    this.accept.textContent = 'Insert';
  }
}
