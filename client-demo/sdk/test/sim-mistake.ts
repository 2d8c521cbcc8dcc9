/** The ways in which an SDK could be wrong, to see that the simulation notices. */
import type { Batch } from '../src/batch.js';
import { encodeValue } from '../src/codec/frame.js';
import { Doubt } from '../src/doubt.js';

/**
 * A mistake that an SDK could have. `resend`: after a welcome it sends again only what was not acked · `void`: it sends a refused batch again
 * with its ops · `forget`: it forgets a batch when it is acked · `exact`: it encodes a resend anew · `credulous`: it believes at once that
 * saved batches are lost · `hasty`: it sends a batch before it is kept for the next page.
 */
export type Mistake = 'resend' | 'void' | 'forget' | 'exact' | 'credulous' | 'hasty';

/** What is known of a batch that is about to be sent. */
interface Known {
  readonly batch: Batch | undefined;
  readonly wasAcked: boolean;
  readonly wasSent: boolean;
}

/** What an SDK with this mistake sends instead; undefined: nothing. */
export function mistaken(mistake: Mistake | undefined, body: Uint8Array | string, { batch, wasAcked, wasSent }: Known): Uint8Array | string | undefined {
  if (mistake === 'resend' && wasAcked) return undefined;
  if (mistake === 'void' && batch !== undefined) return batch.body;
  if (mistake === 'exact' && batch !== undefined && wasSent) return encodeValue(batch.ops.map(({ id, ...rest }) => ({ ...rest, id })));
  return body;
}

export class Credulity extends Doubt {
  override isBelieved(): boolean {
    return true;
  }
}
