/** The colour scheme: the system's, or the one that the user chose for this browser. */

export const SCHEMES = ['system', 'light', 'dark'] as const;
export type Scheme = (typeof SCHEMES)[number];

const KEY = 'collabcanvas:scheme';
const system = matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();

function stored(): Scheme {
  try {
    const value = localStorage.getItem(KEY);
    return SCHEMES.find((scheme) => scheme === value) ?? 'system';
  } catch {
    // A browser that keeps nothing for this page.
    return 'system';
  }
}

let chosen: Scheme = stored();

export const scheme = (): Scheme => chosen;

export const isDark = (): boolean => (chosen === 'system' ? system.matches : chosen === 'dark');

export function chooseScheme(next: Scheme): void {
  chosen = next;
  try {
    if (next === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // It holds as long as the page is open.
  }
  changed();
}

/** Calls back when the page becomes dark or light, also by a choice in another tab, and at once. */
export function followScheme(listener: () => void): void {
  listeners.add(listener);
  listener();
}

function changed(): void {
  document.documentElement.dataset['scheme'] = chosen;
  for (const listener of listeners) listener();
}

system.addEventListener('change', changed);
// Chosen in another tab; without a key, everything was cleared.
addEventListener('storage', ({ key }) => {
  if (key !== KEY && key !== null) return;
  chosen = stored();
  changed();
});
changed();
