import { h } from './dom';

const WRONG = 'That is not the password of this link. Try again, or ask whoever gave you the link.';

/** Asks for the password of a share link. */
export class PasswordDialog {
  readonly element: HTMLDialogElement;
  private readonly field = h('input', { id: 'link-password', type: 'password', autocomplete: 'off', required: true, 'aria-describedby': 'password-problem' });
  private readonly problem = h('p', { id: 'password-problem', class: 'problem', role: 'alert' });
  private answer: { give: (password: string) => void; fail: () => void } | undefined;

  constructor() {
    const cancel = h('button', { type: 'button', class: 'wide', onclick: () => this.element.close() }, 'Cancel');
    const form = h(
      'form',
      { novalidate: true },
      h('h2', { id: 'password-title' }, 'This link asks for a password'),
      h('label', { for: 'link-password' }, 'Password'),
      this.field,
      this.problem,
      h('div', { class: 'answers' }, cancel, h('button', { type: 'submit', class: 'wide main' }, 'Open the board')),
    );
    this.element = h('dialog', { class: 'ask', 'aria-labelledby': 'password-title' }, form);
    form.addEventListener('submit', (e) => {
      e.preventDefault();
      if (this.field.value === '') return this.field.focus();
      this.answer?.give(this.field.value);
      this.answer = undefined;
      this.element.close();
    });
    this.field.addEventListener('input', () => this.tell(''));
    this.element.addEventListener('close', () => {
      this.field.value = '';
      this.answer?.fail();
      this.answer = undefined;
    });
  }

  /** @param isWrong there was one already @returns what was typed; fails when the visitor gives up */
  ask(isWrong: boolean): Promise<string> {
    this.tell(isWrong ? WRONG : '');
    if (!this.element.open) this.element.showModal();
    this.field.focus();
    return new Promise((give, fail) => (this.answer = { give, fail: () => fail(new Error('no password was given')) }));
  }

  private tell(problem: string): void {
    this.problem.textContent = problem;
    this.field.setAttribute('aria-invalid', String(problem !== ''));
  }
}
