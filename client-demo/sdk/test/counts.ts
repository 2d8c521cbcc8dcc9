/** What happened in a run, to see that the faults do occur. */
export interface Counts {
  commits: number;
  refused: number;
  temporary: number;
  gaps: number;
  dropped: number;
  repeats: number;
  deltas: number;
  snapshots: number;
  older: number;
  stale: number;
  rewinds: number;
  heals: number;
  resubmitted: number;
  takenBack: number;
  breaches: number;
  losses: number;
  undos: number;
  reloads: number;
  unwritten: number;
  forbidden: number;
  tokenless: number;
  renewed: number;
  expired: number;
}

export function noCounts(): Counts {
  return {
    commits: 0, refused: 0, temporary: 0, gaps: 0, dropped: 0, repeats: 0, deltas: 0, snapshots: 0, older: 0, stale: 0, rewinds: 0,
    heals: 0, resubmitted: 0, takenBack: 0, breaches: 0, losses: 0, undos: 0, reloads: 0, unwritten: 0,
    forbidden: 0, tokenless: 0, renewed: 0, expired: 0,
  };
}
