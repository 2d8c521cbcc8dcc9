import type { Canvas, Role } from '@collabcanvas/sdk';
import { linkAddress } from '../project';
import { onRole } from '../rights';
import { describeLink, type NewLink, type ShareLink, type Sharing } from '../sharing';
import { h } from './dom';
import { copy } from './share';

const ROLES: readonly (readonly [Role, string])[] = [['viewer', 'look'], ['commenter', 'comment'], ['editor', 'edit']];
const HOUR = 3_600_000;
const TIMES: readonly (readonly [ms: number, label: string])[] = [[0, 'for good'], [HOUR, 'for an hour'], [24 * HOUR, 'for a day'], [168 * HOUR, 'for a week'], [720 * HOUR, 'for 30 days']];

const choice = (id: string, options: readonly (readonly [string | number, string])[]): HTMLSelectElement =>
  h('select', { id }, ...options.map(([value, label]) => h('option', { value: String(value) }, label)));

/** Where an owner makes links for others, takes them back, and freezes the board. */
export class SharePanel {
  readonly element: HTMLElement;
  private readonly role = choice('link-role', ROLES);
  private readonly time = choice('link-time', TIMES);
  private readonly password = h('input', { id: 'new-password', type: 'text', autocomplete: 'off', spellcheck: 'false', placeholder: 'none' });
  private readonly made = h('input', { type: 'text', readonly: true, hidden: true, 'aria-label': 'The new link' });
  private readonly list = h('ul', { class: 'links', 'aria-label': 'Links that lead here' });
  private readonly report = h('p', { role: 'status' });

  /** @param closed to be called when it has closed by itself: the keyboard is to go where it came from */
  constructor(
    private readonly canvas: Canvas,
    private readonly project: string,
    private readonly sharing: Sharing,
    private readonly closed: () => void,
  ) {
    const form = h(
      'form',
      {},
      h('label', { for: 'link-role' }, 'Who has it may', this.role),
      h('label', { for: 'link-time' }, 'It holds', this.time),
      h('label', { for: 'new-password' }, 'Password', this.password),
      h('button', { type: 'submit', class: 'wide main' }, 'Make a link and copy it'),
    );
    form.addEventListener('submit', (e) => {
      e.preventDefault();
      void this.make();
    });
    const freeze = (frozen: boolean, label: string): HTMLElement => h('button', { type: 'button', class: 'wide', onclick: () => void this.freeze(frozen) }, label);
    this.element = h(
      'div',
      { class: 'panel sharing', role: 'dialog', 'aria-labelledby': 'sharing-title', hidden: true },
      h('h2', { id: 'sharing-title' }, 'Share this board'),
      h('p', {}, 'Whoever has a link comes in, without an account. It is shown once: copy it now, or make another later.'),
      form,
      this.made,
      this.list,
      h('div', { class: 'answers', role: 'group', 'aria-label': 'Freeze' }, freeze(true, 'Freeze the board'), freeze(false, 'Let people edit')),
      this.report,
    );
    this.element.addEventListener('keydown', (e) => {
      e.stopPropagation();
      if (e.key === 'Escape') this.close();
    });
    onRole(canvas, () => {
      if (!this.isThere) this.close();
    });
  }

  /** Whether there is such a panel for whoever sits here. */
  get isThere(): boolean {
    return this.canvas.role === 'owner' || this.sharing.hasFrozen;
  }

  toggle(): void {
    if (!this.element.hidden) return this.close();
    this.element.hidden = false;
    this.report.textContent = '';
    this.role.focus();
    void this.attempt('', () => this.refresh());
  }

  private close(): void {
    if (this.element.hidden) return;
    this.element.hidden = true;
    // A link is as good as a key: it is not left lying about.
    this.made.value = '';
    this.made.hidden = true;
    this.closed();
  }

  private async make(): Promise<void> {
    const [ms, password] = [Number(this.time.value), this.password.value];
    const wanted: NewLink = {
      role: this.role.value as Role,
      ...(ms > 0 && { ttl_ms: ms }),
      ...(password !== '' && { password }),
    };
    await this.attempt('', async () => {
      const address = linkAddress(this.project, await this.sharing.make(wanted));
      this.made.value = address;
      this.made.hidden = false;
      this.password.value = '';
      const isCopied = await copy(address);
      if (!isCopied) this.made.select();
      this.report.textContent = isCopied ? 'The link is copied: paste it where they will find it.' : 'Copy the link from the field above.';
      await this.refresh();
    });
  }

  private freeze(frozen: boolean): Promise<void> {
    return this.attempt(frozen ? 'The board is frozen: nobody changes it until you let them.' : 'Whoever had the right to edit has it again.', () => this.sharing.freeze(frozen));
  }

  private async refresh(): Promise<void> {
    const links = await this.sharing.links();
    this.list.replaceChildren(...links.map((link) => this.rowOf(link)));
  }

  private rowOf(link: ShareLink): HTMLElement {
    const words = describeLink(link, Date.now());
    const revoke = (): Promise<void> => this.attempt('The link does not open the board any more.', async () => {
      await this.sharing.revoke(link.id);
      await this.refresh();
    });
    return h('li', {}, h('span', {}, words), h('button', { type: 'button', class: 'wide', 'aria-label': `Revoke: ${words}`, onclick: () => void revoke() }, 'Revoke'));
  }

  /** @param done what is said when it has worked; empty: nothing */
  private async attempt(done: string, run: () => Promise<void>): Promise<void> {
    this.report.classList.remove('problem');
    try {
      await run();
      if (done !== '') this.report.textContent = done;
    } catch (error) {
      this.report.classList.add('problem');
      this.report.textContent = error instanceof Error ? error.message : String(error);
    }
  }
}
