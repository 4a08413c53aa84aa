/** What may be done to a simulated cluster. A plan can leave each out, so that a failing run is shrunk to what it needs. */
export const harms = [
  'crash',
  'crash point',
  'power cut',
  'partition',
  'one-way partition',
  'clog',
  'weather',
  'pause',
  'stale leader',
  'transfer',
  'membership',
  'failed sync',
  'full disk',
  'damaged disk',
  'lost disk',
] as const;

export type Harm = (typeof harms)[number];

/** All that a run depends on, besides the code. */
export interface SimPlan {
  readonly seed: number;
  /** Harm that is left out. What is left out changes nothing else than what follows from it. */
  readonly without: readonly Harm[];
  /** How long the cluster is tormented, in simulated milliseconds. */
  readonly tormentMs: number;
  readonly clients: number;
}

export function planOf(seed: number, changes: Partial<SimPlan> = {}): SimPlan {
  return { seed, without: [], tormentMs: 30_000, clients: 5, ...changes };
}
