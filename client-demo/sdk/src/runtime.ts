/** What the SDK needs from its surroundings. Everything that a test must control comes through here. */
import { CanvasError } from './errors.js';

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

export interface PageEvents {
  network(online: boolean): void;
  visible(): void;
  /** The page is about to go away. @returns whether the user should be asked to stay */
  leaving(): boolean;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

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
  ...(typeof window === 'undefined' || typeof document === 'undefined' ? {} : { watchPage: watchBrowser }),
};

function watchBrowser(page: PageEvents): () => void {
  const online = (): void => page.network(true);
  const offline = (): void => page.network(false);
  const visible = (): void => {
    if (document.visibilityState === 'visible') page.visible();
  };
  const leaving = (event: BeforeUnloadEvent): void => {
    if (page.leaving()) event.preventDefault();
  };
  window.addEventListener('online', online);
  window.addEventListener('offline', offline);
  document.addEventListener('visibilitychange', visible);
  window.addEventListener('beforeunload', leaving);
  return () => {
    window.removeEventListener('online', online);
    window.removeEventListener('offline', offline);
    document.removeEventListener('visibilitychange', visible);
    window.removeEventListener('beforeunload', leaving);
  };
}

/** A client id (PROTOCOL §2): belongs to one page load, cannot be guessed, carries its creation time. */
export function newClientId(runtime: Runtime): string {
  return `${Math.floor(runtime.now()).toString(36)}-${runtime.randomId(22)}`;
}

/** The platform's `WebSocket`. @throws CanvasError `invalid_options` where there is none */
export function globalWebSocket(): typeof WebSocket {
  if (typeof WebSocket === 'undefined') {
    throw new CanvasError('invalid_options', 'there is no global WebSocket here; pass one in the options');
  }
  return WebSocket;
}
