import { cleanName, PERSON_COLOURS } from './peers';

/** What others see of whoever sits here. */
export interface Profile {
  readonly name: string;
  readonly color: string;
}

const KEY = 'collabcanvas:profile';
const QUALITIES = ['Calm', 'Bright', 'Quick', 'Merry', 'Kind', 'Bold', 'Clever', 'Sunny', 'Gentle', 'Lucky', 'Brave', 'Witty'];
const ANIMALS = ['Otter', 'Fox', 'Heron', 'Lynx', 'Panda', 'Robin', 'Whale', 'Koala', 'Falcon', 'Badger', 'Gecko', 'Swan'];

const anyOf = <T>(list: readonly T[], fallback: T): T => list[Math.floor(Math.random() * list.length)] ?? fallback;

function invent(): Profile {
  return {
    name: `${anyOf(QUALITIES, 'Calm')} ${anyOf(ANIMALS, 'Otter')}`,
    color: anyOf<string>(PERSON_COLOURS, PERSON_COLOURS[0]),
  };
}

/** The profile kept in this browser, or a new friendly one, which may still change its colour for one that nobody has. */
export function loadProfile(): Profile & { isNew: boolean } {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? 'null');
    if (typeof kept === 'object' && kept !== null && 'name' in kept && 'color' in kept) {
      const { name, color } = kept;
      if (typeof name === 'string' && cleanName(name) !== '' && typeof color === 'string') {
        return { name: cleanName(name), color, isNew: false };
      }
    }
  } catch {
    // Damaged or forbidden storage: an invented profile does as well.
  }
  const invented = invent();
  saveProfile(invented);
  return { ...invented, isNew: true };
}

export function saveProfile(profile: Profile): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(profile));
  } catch {
    // A browser that forbids storage still draws; the name lasts as long as the page.
  }
}
