import { Random } from '../../server/src/core/base/random.ts';

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
  'old term',
  'split change',
  'late frames',
] as const;

export type Harm = (typeof harms)[number];

/** Harm that looks at what the members hold and say, and does what hurts most. A seed draws at most one, beside all other harm. */
export type StudiedHarm = Extract<Harm, 'old term' | 'split change' | 'late frames'>;

/** The seed of a stream of its own, so that all other harm of a seed is drawn as it would be without. */
export function studiedSeed(seed: number): number {
  return seed ^ 0x5c4e3e;
}

/** What a seed has drawn; every second one has nothing. */
export function studiedHarmOf(seed: number): StudiedHarm | undefined {
  const none = undefined;
  const lots = [none, none, none, 'old term', 'split change', 'late frames'] as const;
  return new Random(studiedSeed(seed)).pick(lots);
}

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
