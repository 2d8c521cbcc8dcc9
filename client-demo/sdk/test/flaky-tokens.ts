/** The tokens of the flaky world: an application that gives new ones, the last one again, late, or none; and how long they hold. */
import type { Faults } from './flaky-faults.js';
import type { Random } from './random.js';
import type { World } from './world.js';

/** At least, and how much longer, in milliseconds: some all through a run. */
const HOLDS = { least: 3_000, more: 90_000 };
const LATEST_MS = 30_000;

export class FlakyTokens {
  /** All is well: a new token at once, and for good. */
  isCalm = false;
  private count = 0;

  constructor(
    private readonly random: Random,
    private readonly world: World,
    private readonly faults: Faults,
  ) {}

  give(): string | Promise<string> {
    const { random, faults } = this;
    const isSame = !this.isCalm && random.chance(0.15);
    faults.sameToken += Number(isSame);
    const token = `token-${isSame ? this.count : (this.count += 1)}`;
    if (this.isCalm || random.chance(0.6)) return token;
    if (random.chance(0.5)) {
      faults.noToken += 1;
      throw new Error('the application has no token just now');
    }
    faults.lateToken += 1;
    return new Promise((give) => void this.world.timer(random.below(LATEST_MS), () => give(token)));
  }

  /** When a token that is taken now ends. */
  end(): number {
    return this.isCalm ? Infinity : this.world.time + HOLDS.least + this.random.below(HOLDS.more);
  }
}
