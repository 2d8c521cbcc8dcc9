/** What the application hears of a batch that did not take effect. */
import type { Refused } from './batch.js';
import type { CanvasObject } from './object.js';
import type { Op } from './protocol.js';

/** A batch of ours that did not take effect. */
export interface Rejected {
  /** A refusal code of PROTOCOL §3, or the name of the close code that ended this client id. */
  readonly code: string;
  readonly message: string;
  readonly ops: readonly Op[];
  /** The batch's number, if it was ever sent. */
  readonly cid?: number;
  /** It had been accepted and others had seen it, before a failure of the server took that back. */
  readonly wasAccepted?: true;
  /** Index in `ops` of the op that was refused, if one was. */
  readonly op?: number;
  /** That op's object, and what it is now; null: it does not exist. */
  readonly id?: string;
  readonly current?: CanvasObject | null;
}

export function rejectedOf({ batch, code, message, reject }: Refused): Rejected {
  const { op, id, current } = reject ?? {};
  return {
    code,
    message,
    ops: batch.ops,
    ...(batch.cid !== undefined && { cid: batch.cid }),
    ...(batch.acceptedAt !== undefined && { wasAccepted: true as const }),
    ...(op !== undefined && { op }),
    ...(id !== undefined && { id }),
    ...(current !== undefined && { current: current && { id: current[0], rev: current[1], props: current[2] } }),
  };
}
