/** What a client says first on a socket (PROTOCOL §2). */
import { SHORT } from './codec/frame.js';
import { PROTOCOL_VERSION, type Hello } from './protocol.js';
import type { Sync } from './sync.js';
import type { Credentials } from './token.js';
import { given, type Props } from './value.js';

/** @param presence all of our fields */
export function helloOf(client: string, access: Credentials | undefined, presence: Props, { position, pending }: Sync): Hello {
  return {
    t: 'hello', v: [PROTOCOL_VERSION, PROTOCOL_VERSION], features: [SHORT], client,
    ...access,
    ...given({ position }),
    ...(pending.savedCid > 0 && { saved: pending.savedCid }),
    ...(Object.keys(presence).length > 0 && { presence }),
  };
}
