/** What the application hears of a batch that did not take effect. */
import type { Refused } from './batch.js';
import { objectOf, type CanvasObject } from './object.js';
import type { Op } from './protocol.js';
import { given, type Props } from './value.js';

/** A batch of ours that did not take effect. */
export interface Rejected<Kinds = Props> {
  /** A refusal code of PROTOCOL §3, or the name of the close code that ended this client id. */
  readonly code: string;
  /** For people. */
  readonly message: string;
  /** What it asked for. */
  readonly ops: readonly Op[];
  /** The batch's number, if it was ever sent. */
  readonly cid?: number;
  /** It had been accepted and others had seen it, before a failure of the server took that back. */
  readonly wasAccepted?: true;
  /** Index in `ops` of the op that was refused, if one was. */
  readonly op?: number;
  /** That op's object. */
  readonly id?: string;
  /** What that object is now; null: it does not exist. */
  readonly current?: CanvasObject<Kinds> | null;
  /** The author who has the object's lease (`leased`). */
  readonly by?: string;
}

export function rejectedOf({ batch, code, message, reject }: Refused): Rejected {
  const { op, id, current, by } = reject ?? {};
  return {
    code,
    message,
    ops: batch.ops,
    ...(batch.acceptedAt !== undefined && { wasAccepted: true as const }),
    ...given({ cid: batch.cid, op, id, by, current: current && objectOf(...current) }),
  };
}
