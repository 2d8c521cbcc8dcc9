/** What happened in a run of the flaky world, to see that the faults do occur. */
export interface Faults {
  commits: number;
  broken: number;
  lost: number;
  late: number;
  twice: number;
  noToken: number;
  lateToken: number;
  sameToken: number;
  expired: number;
  renewed: number;
  forbidden: number;
}

export function noFaults(): Faults {
  return { commits: 0, broken: 0, lost: 0, late: 0, twice: 0, noToken: 0, lateToken: 0, sameToken: 0, expired: 0, renewed: 0, forbidden: 0 };
}
