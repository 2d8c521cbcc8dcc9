/**
 * What the server has lost although it had promised to keep it, or what can no longer be followed: shown, never hidden.
 *
 * Owns the memory of what was saved lately. Decides nothing; `pending.ts` fills it and asks it.
 */
import { decodeOps } from './codec/frame.js';
import type { Op } from './protocol.js';

/** So many saved batches are remembered, and so many bytes of them: enough for the edits since any recent backup, little beside a page. */
const MOST = 1_000;
const MOST_BYTES = 1024 * 1024;

/** A batch that is lost, or whose fate nobody knows. */
export interface LostBatch {
  /** Its number under the client id that it was sent with, if it was ever sent. */
  readonly cid?: number;
  /** How far it had come: only here, accepted by the server, or called saved. */
  readonly was: 'unsent' | 'accepted' | 'saved';
  /** What it asked for. */
  readonly ops: readonly Op[];
  /** The objects that it was about. */
  readonly objects: readonly string[];
  /** When it was made, in milliseconds since 1970. */
  readonly madeAt: number;
  /** It is sent again, as a new batch. */
  readonly isResent: boolean;
}

/** A breach of the promise, or its limit. */
export interface Loss {
  /** `history_lost`: the server does not know what it had called saved. Otherwise what ended the client id or the connection. */
  readonly code: string;
  /** For people. */
  readonly message: string;
  /** When it was noticed, in milliseconds since 1970. */
  readonly at: number;
  /** In the order in which they were made. */
  readonly batches: readonly LostBatch[];
  /** How many batches more had been saved, so long ago that their ops are not in this page any more. */
  readonly forgotten: number;
}

export function lostBatch(batch: Omit<LostBatch, 'objects'>): LostBatch {
  return { ...batch, objects: [...new Set(batch.ops.map(({ id }) => id))] };
}

interface Remembered {
  readonly cid: number;
  readonly body: Uint8Array;
  readonly madeAt: number;
}

const recalled = ({ cid, body, madeAt }: Remembered): LostBatch =>
  lostBatch({ cid, was: 'saved', ops: decodeOps(body), madeAt, isResent: false });

/** The batches that were saved last. */
export class Recent {
  #batches: Remembered[] = [];
  #bytes = 0;
  /** The highest cid whose ops are not known any more. */
  #unknown = 0;

  keep({ cid, body, madeAt }: Remembered): void {
    this.#batches.push({ cid, body, madeAt });
    this.#bytes += body.length;
    while (this.#batches.length > MOST || this.#bytes > MOST_BYTES) {
      const oldest = this.#batches.shift();
      this.#bytes -= oldest?.body.length ?? 0;
      this.forget(oldest?.cid ?? 0);
    }
  }

  /** The ops up to this cid are not known here. */
  forget(cid: number): void {
    this.#unknown = Math.max(this.#unknown, cid);
  }

  /** How many above a cid are not known; refused ones count, because nobody knows. */
  forgotten(cid: number): number {
    return Math.max(0, this.#unknown - cid);
  }

  after(cid: number): LostBatch[] {
    return this.#batches.filter((batch) => batch.cid > cid).map(recalled);
  }

  /** Takes one out, if it is remembered. */
  take(cid: number): LostBatch[] {
    const taken = this.#batches.filter((one) => one.cid === cid);
    this.#batches = this.#batches.filter((one) => one.cid !== cid);
    for (const { body } of taken) this.#bytes -= body.length;
    return taken.map(recalled);
  }
}
