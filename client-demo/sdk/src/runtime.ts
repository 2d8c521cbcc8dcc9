/** What the SDK needs from its surroundings. Everything that a test must control comes through here. */
import { BASE_62 } from './base-62.js';
import { CanvasError } from './errors.js';

/** Clock, timers, randomness, and the page's events: `CanvasOptions.runtime` replaces them in tests. */
export interface Runtime {
  /** Milliseconds since 1970. */
  now(): number;
  /** A number in [0, 1). */
  random(): number;
  /** Calls `run` once after `ms` milliseconds. @returns cancels it */
  timer(ms: number, run: () => void): () => void;
  /** `count` characters of `A–Z a–z 0–9 - _` that nobody can guess. */
  randomId(count: number): string;
  /** Reports the browser's events; undefined outside a browser. @returns stops it */
  watchPage?(page: PageEvents): () => void;
}

/** What a runtime tells of its page. */
export interface PageEvents {
  /** The browser thinks that there is a network, or that there is none. */
  network(online: boolean): void;
  /** The page is seen, or no longer. */
  seen(isSeen: boolean): void;
  /** The user has done something in it. */
  touched(): void;
  /** The page is about to go away. @returns whether the user should be asked to stay */
  leaving(): boolean;
}

const ALPHABET = `${BASE_62}-_`;

/** The platform that this code runs on: a browser, a worker or Node. */
export const platform: Runtime = {
  now: () => Date.now(),
  random: () => Math.random(),
  timer(ms, run) {
    const handle = setTimeout(run, ms);
    return () => clearTimeout(handle);
  },
  randomId(count) {
    const bytes = crypto.getRandomValues(new Uint8Array(count));
    return Array.from(bytes, (byte) => ALPHABET.charAt(byte & 63)).join('');
  },
  ...(typeof document === 'undefined' ? {} : { watchPage: watchBrowser }),
};

/** What hands do. */
const TOUCHES = ['pointermove', 'pointerdown', 'keydown', 'wheel'] as const;

function watchBrowser(page: PageEvents): () => void {
  const watch = new AbortController();
  const { signal } = watch;
  window.addEventListener('online', () => page.network(true), { signal });
  window.addEventListener('offline', () => page.network(false), { signal });
  document.addEventListener('visibilitychange', () => page.seen(document.visibilityState === 'visible'), { signal });
  for (const name of TOUCHES) window.addEventListener(name, () => page.touched(), { capture: true, passive: true, signal });
  window.addEventListener('beforeunload', (event) => page.leaving() && event.preventDefault(), { signal });
  return () => watch.abort();
}

/** A client id (PROTOCOL §2): belongs to one page load, cannot be guessed, carries its creation time. */
export function newClientId(runtime: Runtime): string {
  return `${Math.floor(runtime.now()).toString(36)}-${runtime.randomId(22)}`;
}

/** The platform's `WebSocket`. @throws CanvasError `invalid_options` where there is none */
export function globalWebSocket(): typeof WebSocket {
  if (typeof WebSocket === 'undefined') {
    throw new CanvasError('invalid_options', 'no global WebSocket; pass one');
  }
  return WebSocket;
}
