/** How a canvas is opened. */
import type { Encoding } from './codec/frame.js';
import type { Keeper } from './keeper.js';
import type { Runtime } from './runtime.js';
import type { TokenProvider } from './token.js';
import type { Value } from './value.js';

/** Where a project is, and how it is opened. */
export interface CanvasOptions {
  /** `ws(s)://host/v1/projects/{project}/ws` */
  readonly url: string;
  /** Gives an access token; called before every attempt to connect, and a minute before access ends. */
  readonly token?: TokenProvider;
  /** Initial presence fields. */
  readonly presence?: Record<string, Value>;
  /** How messages travel. Default MessagePack; `jsonEncoding` of `@collabcanvas/sdk/json` is for reading along. */
  readonly encoding?: Encoding;
  /** Default: a new random one. Must not be shared by two pages that live at the same time. */
  readonly clientId?: string;
  /** For surroundings without a global `WebSocket`, such as Node 20. */
  readonly WebSocket?: typeof WebSocket;
  /** Tell others in the presence field `status` whether the user is `active`, `idle` or `away`. Default true, in a browser. */
  readonly tellActivity?: boolean;
  /** Ask before the page is left with unsaved work. Default true. */
  readonly warnBeforeUnload?: boolean;
  /** Undo steps that are kept. Default 200. */
  readonly undoDepth?: number;
  /** Keeps the work beyond the page: `keepOffline()` of `@collabcanvas/sdk/offline`. */
  readonly keeper?: Keeper;
  /** For tests: clock, timers, randomness, page events. */
  readonly runtime?: Runtime;
}
