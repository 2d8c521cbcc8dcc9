/** What a client of the simulation and its server say to each other, and the server's end of it. */
import type { Position, ServerMessage } from '../src/protocol.js';

/** What a client says here; `hello` carries only what matters. */
export type Upstream = { t: 'hello'; position: Position | undefined } | { t: 'batch'; cid: number; body: Uint8Array | string };

/** What led to a commit. */
export interface Submission {
  readonly author: string;
  readonly cid: number;
  readonly body: Uint8Array | string;
}

/** The server's end of a connection. */
export interface Session {
  /** The last commit that was put into the queue to the client. */
  sent: number;
  /** Snapshot chunks that are still to be sent. */
  chunks: ServerMessage[];
  /** The outbox is full: nothing is sent until the session is brought back by a new welcome. */
  isLagging: boolean;
  /** The node was cut off: it does not know yet what other nodes know. */
  isStale: boolean;
}
