import { type Coverage, mustReach, type Reached } from './coverage.ts';

/** What one run reached, in the order of the table. */
export function reachedIn(coverage: Coverage): Reached[] {
  const missing = new Set(coverage.missing);
  return mustReach.filter((what) => !missing.has(what));
}

/** In how many seeds of a swarm each thing was reached: one run that reaches it often proves less than many that do. */
export class ReachedBy {
  readonly #seeds = new Map<string, number>();

  add(reached: readonly string[]): void {
    for (const what of reached) this.#seeds.set(what, (this.#seeds.get(what) ?? 0) + 1);
  }

  get missing(): Reached[] {
    return mustReach.filter((what) => !this.#seeds.has(what));
  }

  table(): string {
    const rows = mustReach.map(
      (what) => `${String(this.#seeds.get(what) ?? 0).padStart(9)}  ${what}`,
    );
    return ['    seeds  that reached', ...rows].join('\n');
  }
}
