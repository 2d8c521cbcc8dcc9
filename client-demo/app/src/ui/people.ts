import type { Board } from '../board';
import type { Attendance } from '@collabcanvas/sdk';
import { cleanName, initials, othersOn, PERSON_COLOURS, type Person } from '../peers';
import { summon } from '../summon';
import { readableOn } from '../palette';
import { saveProfile, type Profile } from '../profile';
import { h, oncePerFrame } from './dom';

/** Avatars shown before the rest becomes a number. */
const MOST = { wide: 5, narrow: 1 };
const NARROW = '(max-width: 640px)';

/** How the colours of people are called. */
const COLOUR_NAMES: Readonly<Record<(typeof PERSON_COLOURS)[number], string>> = {
  '#e0447c': 'pink',
  '#d9622b': 'orange',
  '#b07d00': 'gold',
  '#3b9b4e': 'green',
  '#0d9488': 'teal',
  '#2f7de0': 'blue',
  '#6d5ae6': 'violet',
  '#b04bd1': 'purple',
};

const PRESENT: Readonly<Record<Attendance, string>> = { active: '', idle: 'idle', away: 'away', offline: 'offline' };

function avatar(name: string, color: string, label: string, press: () => void): HTMLButtonElement {
  const button = h('button', { type: 'button', class: 'avatar', title: label, 'aria-label': label, onclick: press }, initials(name));
  button.style.background = color;
  button.style.color = readableOn(color);
  return button;
}

/** Who is here: a click on somebody looks where they look from then on, a click on oneself opens name and colour. */
export class People {
  readonly element = h('div', { class: 'people', role: 'group', 'aria-label': 'People here' });
  private readonly others = h('div', { class: 'others' });
  private readonly self = h('div', { class: 'self' });
  private readonly card: HTMLElement;
  private shown = '';

  constructor(
    private readonly board: Board,
    private profile: Profile,
    /** Nobody chose the colour yet, so it may give way to one that nobody here has. */
    private mayChangeColour: boolean,
  ) {
    this.card = this.profileCard();
    this.element.append(this.others, this.self, this.card);
    board.canvas.on('presence', oncePerFrame(() => this.showOthers()));
    board.following.onChange(() => this.showOthers());
    matchMedia(NARROW).addEventListener('change', () => this.showOthers());
    this.showSelf();
    this.showColours();
    document.addEventListener('pointerdown', (e) => {
      if (e.target instanceof Node && !this.element.contains(e.target)) this.card.hidden = true;
    });
  }

  private showOthers(): void {
    const people = othersOn(this.board.canvas);
    this.avoidTwins(people);
    const most = matchMedia(NARROW).matches ? MOST.narrow : MOST.wide;
    // Presence changes with every movement of a hand; the avatars only when somebody comes, goes or changes their name.
    const looks = people.map(({ session, name, color, attendance, following, role }) => [session, name, color, attendance, following, role]);
    const key = JSON.stringify([most, looks, this.board.following.person?.session, this.board.canvas.role]);
    if (key === this.shown) return;
    this.shown = key;
    const faces = people.slice(0, most).map((person) => this.faceOf(person));
    const rest = people.slice(most);
    if (rest.length > 0) {
      const names = rest.map(({ name }) => name).join(', ');
      faces.push(h('span', { class: 'avatar more', title: names, 'aria-label': `and ${names}` }, `+${rest.length}`));
    }
    this.others.replaceChildren(...faces);
  }

  private avoidTwins(people: readonly Person[]): void {
    const ours = this.board.canvas.session;
    if (!this.mayChangeColour || people.length === 0 || ours === undefined) return;
    this.mayChangeColour = false;
    const taken = new Set(people.map(({ color }) => color));
    const free = PERSON_COLOURS.filter((color) => !taken.has(color));
    const twin = people.find(({ color }) => color === this.profile.color);
    // The other may give way at the same time: not to the same colour.
    const next = twin && (free[twin.session < ours ? 1 : 0] ?? free[0]);
    if (next) this.change({ color: next });
  }

  private faceOf(person: Person): HTMLElement {
    const { following } = this.board;
    const isFollowed = following.person?.session === person.session;
    const isWatching = person.following === this.board.canvas.session;
    // Who gives rights sees them.
    const role = this.board.canvas.role === 'owner' ? person.role : '';
    const state = [role, PRESENT[person.attendance], isWatching ? 'follows you' : ''].filter((part) => part !== '').join(', ');
    const does = isFollowed ? 'stop following' : 'follow';
    const face = avatar(person.name, person.color, `${person.name}${state === '' ? '' : ` (${state})`}: ${does}`, () => {
      if (isFollowed) following.stop();
      else following.start(person.session);
    });
    face.setAttribute('aria-pressed', String(isFollowed));
    face.dataset['attendance'] = person.attendance;
    if (isWatching) face.dataset['watching'] = '';
    return face;
  }

  private showSelf(): void {
    const { name, color } = this.profile;
    const button = avatar(name, color, `${name} (you): change name and colour`, () => this.toggleCard());
    button.setAttribute('aria-haspopup', 'dialog');
    this.self.replaceChildren(button);
  }

  private toggleCard(): void {
    this.card.hidden = !this.card.hidden;
    if (this.card.hidden) return;
    const input = this.card.querySelector('input');
    input?.focus();
    input?.select();
  }

  private change(change: Partial<Profile>): void {
    this.profile = { ...this.profile, ...change };
    this.mayChangeColour = false;
    saveProfile(this.profile);
    this.board.canvas.presence.set({ name: this.profile.name, color: this.profile.color });
    this.showSelf();
    this.showColours();
  }

  private profileCard(): HTMLElement {
    const input = h('input', { type: 'text', maxlength: '24', value: this.profile.name, autocomplete: 'off', spellcheck: 'false', 'aria-label': 'Your name' });
    input.addEventListener('input', () => {
      const name = cleanName(input.value);
      if (name !== '') this.change({ name });
    });
    const colours = PERSON_COLOURS.map((color) => {
      const swatch = h('span', { class: 'swatch' });
      swatch.style.setProperty('--swatch', color);
      const name = `Your colour: ${COLOUR_NAMES[color]}`;
      return h('button', { type: 'button', class: 'button', 'data-color': color, title: name, 'aria-label': name, onclick: () => this.change({ color }) }, swatch);
    });
    const card = h(
      'div',
      { class: 'panel card', role: 'dialog', 'aria-label': 'You', hidden: true },
      h('label', {}, 'Your name', input),
      h('div', { class: 'colours', role: 'group', 'aria-label': 'Your colour' }, ...colours),
      h('button', { type: 'button', class: 'wide', onclick: () => this.call() }, 'Bring everyone here'),
    );
    card.addEventListener('keydown', (e) => {
      e.stopPropagation();
      if (e.key === 'Escape' || e.key === 'Enter') {
        card.hidden = true;
        this.self.querySelector('button')?.focus();
      }
    });
    return card;
  }

  private call(): void {
    const { canvas, camera } = this.board;
    summon(canvas, camera.visible());
    this.card.hidden = true;
  }

  private showColours(): void {
    for (const button of this.card.querySelectorAll('[data-color]')) {
      button.setAttribute('aria-pressed', String(button.getAttribute('data-color') === this.profile.color));
    }
  }
}
