import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../../server/src/core/base/random.ts';
import { until } from '../harness/processes.ts';
import type { MemberProcess } from '../harness/real-cluster.ts';
import type { ChaosCluster } from './chaos-cluster.ts';
import { machineFaults } from './machine-faults.ts';
import { networkFaults } from './network-faults.ts';
import type { Outages } from './outages.ts';
import { leaderKill, processFaults } from './process-faults.ts';
import { type Fault, Scene } from './scene.ts';
import type { Tool, Tools } from './tools.ts';

export const faults: readonly Fault[] = [...processFaults, ...networkFaults, ...machineFaults];

/** Writes that must follow an outage before it counts as over. */
const writesAfter = 10;
const outageMsMax = 20_000;
/** At most so many rounds, whatever the time. */
const roundsMax = 2_000;

export interface NemesisOptions {
  readonly chaos: ChaosCluster;
  readonly random: Random;
  readonly outages: Outages;
  readonly lastsMsMax: number;
  readonly calmMsMax: number;
  readonly note: (what: string) => void;
}

/** Does harm in rounds: one fault or two at a time, all undone, and the cluster well before the next. */
export class Nemesis {
  /** How often each kind was done. */
  readonly done = new Map<string, number>();
  /** After each kill of a leader with nothing else: the longest time without an acknowledged write, in milliseconds. */
  readonly unavailableMs: number[] = [];
  readonly #options: NemesisOptions;
  #deck: Fault[] = [];
  #isOnce = false;

  constructor(options: NemesisOptions) {
    this.#options = options;
  }

  /** Kinds that this machine allows and that were not done yet. */
  get left(): readonly string[] {
    const { tools } = this.#options.chaos;
    return faults
      .filter((fault) => missing(fault, tools) === undefined && !this.done.has(fault.name))
      .map(({ name }) => name);
  }

  /**
   * Rounds until the time is up, or, with `isOnce`, until each kind was done.
   * @throws Error when the cluster does not get well after one.
   */
  async run(seconds: number, isOnce: boolean): Promise<void> {
    this.#isOnce = isOnce;
    const end = performance.now() + seconds * 1_000;
    const { random, calmMsMax, chaos } = this.#options;
    for (let round = 1; round <= roundsMax && performance.now() < end; round++) {
      if (isOnce && this.left.length === 0) return;
      await this.#round();
      await chaos.well();
      await sleep(random.below(calmMsMax));
    }
  }

  async #round(): Promise<void> {
    const { chaos, random, note, lastsMsMax } = this.#options;
    const first = this.#draw();
    const second =
      first.isAlone !== true && (random.below(3) > 0 || this.#isOnce) ? this.#draw() : undefined;
    const taken = new Set<MemberProcess>();
    if (second?.isAlone === true) this.#deck.push(second);
    const now = second === undefined || second.isAlone === true ? [first] : [first, second];
    note(`begin: ${now.map(({ name }) => name).join('; ')}`);
    const results = await Promise.allSettled(
      now.map((fault) => {
        // Each draws from its own seed, so that what one does depends on the other's timing as little as may be.
        const own = new Random(random.next());
        return this.#strike(fault, new Scene({ chaos, random: own, lastsMsMax, taken }));
      }),
    );
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /** The next of a shuffled deck of all kinds that this machine allows. */
  #draw(): Fault {
    const { chaos, random } = this.#options;
    if (this.#deck.length === 0) {
      const kinds = faults.filter((fault) => missing(fault, chaos.tools) === undefined);
      // Twice in each deck, since its outages are what is measured.
      const leader = kinds.filter(({ name }) => name === leaderKill);
      this.#deck = shuffled([...kinds, ...(this.#isOnce ? [] : leader)], random);
    }
    // The deck was just filled when it was empty.
    return this.#deck.pop() as Fault;
  }

  async #strike(fault: Fault, scene: Scene): Promise<void> {
    const { chaos, note, outages } = this.#options;
    const isMeasured = fault.name === leaderKill;
    const before = outages.acknowledged;
    outages.begin();
    const what = await fault.run(scene);
    if (what === undefined) {
      // The other fault has whom it needs; its turn comes again.
      this.#deck.push(fault);
      return note(`${fault.name}: nobody to do it to`);
    }
    this.done.set(fault.name, (this.done.get(fault.name) ?? 0) + 1);
    note(`${fault.name}: ${what}`);
    if (!isMeasured) return;
    await chaos.well();
    const enough = Math.max(before, outages.acknowledged) + writesAfter;
    await until('writes go on', () => outages.acknowledged > enough, { withinMs: outageMsMax });
    this.unavailableMs.push(outages.longestMs);
    note(`nothing acknowledged for ${Math.round(outages.longestMs)} ms`);
  }
}

/** Why this machine does not allow it; undefined when it does. */
export function missing(
  { needs }: Fault,
  tools: Tools,
): Extract<Tool, { missing: string }> | undefined {
  const tool = needs === undefined ? undefined : tools[needs];
  return tool !== undefined && 'missing' in tool ? tool : undefined;
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const left = [...items];
  const out: Item[] = [];
  while (left.length > 0) out.push(...left.splice(random.below(left.length), 1));
  return out;
}
