/** What a page and the worker say to each other. Every socket of a page has a number, `id`, which the page chooses. */

/** Told apart by name: a page never meets a worker that speaks otherwise. Change it with the messages. */
export const WORKER_NAME = 'collabcanvas 1';

export type ToWorker =
  /** The page is there. `lock` is held for as long as it lives. */
  | { readonly t: 'hello'; readonly lock: string }
  | { readonly t: 'open'; readonly id: number; readonly url: string; readonly protocols: readonly string[] }
  /** `frame` has room for a header in front of the payload. */
  | { readonly t: 'send'; readonly id: number; readonly isText: boolean; readonly frame: ArrayBuffer }
  | { readonly t: 'close'; readonly id: number; readonly code: number; readonly reason: string }
  /** The page has taken in so many more bytes of a socket's messages. */
  | { readonly t: 'read'; readonly id: number; readonly bytes: number }
  /** The page goes away. */
  | { readonly t: 'bye' };

export type ToPage =
  /** The worker is there. `lock` is held for as long as it lives. */
  | { readonly t: 'hello'; readonly lock: string }
  | { readonly t: 'opened'; readonly id: number; readonly protocol: string }
  | { readonly t: 'message'; readonly id: number; readonly isText: boolean; readonly data: ArrayBuffer }
  /** So many more bytes of what the page has sent have left. */
  | { readonly t: 'sent'; readonly id: number; readonly bytes: number }
  | { readonly t: 'closed'; readonly id: number; readonly code: number; readonly reason: string };
