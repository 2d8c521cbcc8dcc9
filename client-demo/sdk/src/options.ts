/** How a canvas is opened. */
import type { Encoding } from './codec/frame.js';
import type { Runtime } from './runtime.js';
import type { Value } from './value.js';

export interface CanvasOptions {
  /** `ws(s)://host/v1/projects/{project}/ws` */
  readonly url: string;
  /** Gives an access token; called before every attempt to connect. */
  readonly token?: () => string | Promise<string>;
  /** Initial presence fields. */
  readonly presence?: Record<string, Value>;
  /** Default `msgpack`; `json` is for reading along. */
  readonly encoding?: Encoding;
  /** Default: a new random one. Must not be shared by two pages that live at the same time. */
  readonly clientId?: string;
  /** For surroundings without a global `WebSocket`, such as Node 20. */
  readonly WebSocket?: typeof WebSocket;
  /** Ask before the page is left with unsaved work. Default true. */
  readonly warnBeforeUnload?: boolean;
  /** Undo steps that are kept. Default 200. */
  readonly undoDepth?: number;
  /** For tests: clock, timers, randomness, page events. */
  readonly runtime?: Runtime;
}
