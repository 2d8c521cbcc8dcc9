/** What a client of the simulation may do, and until when: its token ends, its application gives new ones late or not at all, its role falls and rises. */
import type { Role } from '../src/protocol.js';
import type { Counts } from './counts.js';
import type { Random } from './random.js';

/** A token holds this long, in the milliseconds of a run that has a second or two. */
const HOLDS = { least: 200, more: 1_500 };

export class SimAccess {
  role: Role = 'editor';
  private endsAt = 0;

  get mayEdit(): boolean {
    return this.role === 'editor' || this.role === 'owner';
  }

  /** The client asks its application for a token. @returns false: it is late, or refuses, and the client stays away for now */
  fetch(random: Random, now: number, counts: Counts): boolean {
    if (random.chance(0.1)) {
      counts.tokenless += 1;
      return false;
    }
    this.endsAt = now + HOLDS.least + random.below(HOLDS.more);
    return true;
  }

  /** Whether the server ends the session: its token is over, and no new one came in time. */
  hasEnded(random: Random, now: number, counts: Counts): boolean {
    if (now < this.endsAt) return false;
    const isRenewed = this.fetch(random, now, counts);
    counts[isRenewed ? 'renewed' : 'expired'] += 1;
    return !isRenewed;
  }

  /** An owner gives the right to edit, or takes it. */
  change(random: Random): void {
    this.role = random.pick<Role>(this.mayEdit ? ['viewer', 'commenter'] : ['editor', 'owner']);
  }
}
