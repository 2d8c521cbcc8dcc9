/** A snapshot as the simulation's server sends it. */
import type { ServerMessage, WireObject } from '../src/protocol.js';
import type { Random } from './random.js';

export function chunksOf(objects: readonly WireObject[], random: Random): ServerMessage[] {
  const rest = [...objects];
  const chunks: ServerMessage[] = [];
  do {
    const objects = rest.splice(0, 1 + random.below(4));
    chunks.push({ t: 'snapshot', n: chunks.length, last: rest.length === 0, objects });
  } while (rest.length > 0);
  return chunks;
}
