import type { Need } from '@lockstep/reboot-coordinator';
import { brief, type Machine, openFleet, type TestFleet } from './fleet.ts';

/** Chance from a seed, the same on every machine. */
interface Chance {
  below(bound: number): number;
  oneIn(times: number): boolean;
  pick<Item>(items: readonly Item[]): Item;
}

export interface StormReport {
  readonly revisions: number;
  readonly grants: number;
  /** How often each kind of harm was done, and each row of the history written. */
  readonly reached: ReadonlyMap<string, number>;
}

const groups = ['web', 'api', 'db'];
const rounds = 60;

/**
 * A fleet under everything at once: kills of agents, coordinators and members, partitions, clocks that jump, copies of
 * machines, groups that nobody declared, reboot loops, rollbacks, broken services, operators who change their minds. The monitor
 * looks at every revision. Then all is healed, and every host must come to the last version.
 * @throws when a rule is broken, or the fleet does not come to rest.
 */
export async function storm(seed: number, chance: Chance): Promise<StormReport> {
  const fleet = await openFleet(seed);
  try {
    return await new Storm(fleet, chance).run();
  } finally {
    await fleet.close();
  }
}

class Storm {
  readonly #fleet: TestFleet;
  readonly #chance: Chance;
  readonly #reached = new Map<string, number>();
  #version = 1;
  #isCutMember = false;

  constructor(fleet: TestFleet, chance: Chance) {
    this.#fleet = fleet;
    this.#chance = chance;
  }

  async run(): Promise<StormReport> {
    const fleet = this.#fleet;
    fleet.addCoordinator();
    fleet.addCoordinator();
    for (const name of groups) {
      await fleet.group(name, {
        limit: { count: 1 + this.#chance.below(2) },
        soakMs: this.#chance.below(10) * 1000,
        overdueAfterMs: 180_000,
        breakAfter: 3,
        bootsMax: 2,
      });
      for (const machine of fleet.addGroup(name, 4, {
        verifyWithinMs: 60_000,
        leaveWithinMs: 60_000,
      })) {
        machine.habits.downMs = 5_000 + this.#chance.below(60_000);
      }
    }
    for (let round = 0; round < rounds; round++) {
      await this.#harm();
      await fleet.pass(1_000 + this.#chance.below(20_000));
    }
    await this.#heal();
    const grants = await this.#count();
    return { revisions: fleet.monitor.revisions, grants, reached: this.#reached };
  }

  async #harm(): Promise<void> {
    const [name, run] = this.#chance.pick(Object.entries(this.#harms));
    this.#reached.set(name, (this.#reached.get(name) ?? 0) + 1);
    await run();
  }

  readonly #harms: Readonly<Record<string, () => unknown>> = {
    'an update': () => {
      this.#version++;
      for (const { habits } of this.#machines) {
        if (!this.#chance.oneIn(4)) habits.installed = `v${this.#version}`;
      }
    },
    'another update': () => this.#harms['an update']?.(),
    'an agent killed': () => this.#machine.killAgent(),
    'agents started': () => this.#startAgents(),
    'a crash': () => {
      const machine = this.#machine;
      if (machine.isUp) machine.crash();
    },
    'a host cut off': () => this.#machine.cutOff(true),
    'hosts reached again': () => {
      for (const machine of this.#machines) machine.cutOff(false);
    },
    'a coordinator killed': () => {
      this.#fleet.killCoordinator(this.#chance.below(this.#fleet.coordinators.length));
      this.#fleet.addCoordinator();
    },
    'a coordinator cut off': () => {
      const at = this.#chance.below(this.#fleet.coordinators.length);
      this.#fleet.coordinators[at]?.own.cutOff(this.#chance.oneIn(2));
    },
    'a member killed': () => {
      const { cluster } = this.#fleet;
      const { name } = this.#chance.pick(cluster.members);
      cluster.kill(name);
      cluster.clock.after(5_000 + this.#chance.below(30_000), () => cluster.restart(name));
    },
    'a partition': () => {
      const { cluster } = this.#fleet;
      if (this.#isCutMember) cluster.heal();
      else cluster.partition([this.#chance.pick(cluster.members).name]);
      this.#isCutMember = !this.#isCutMember;
    },
    'a clock that jumps': () =>
      this.#fleet.cluster.jumpWallClock((this.#chance.below(3) - 1) * 3_600_000),
    'a copy of a machine': () => {
      const machine = this.#machine;
      const twin = this.#fleet.twin(machine.id, { group: this.#chance.pick(groups) });
      this.#fleet.cluster.clock.after(120_000, () => twin.killAgent());
    },
    'a group that nobody declared': () => {
      const machine = this.#machine;
      machine.group = this.#chance.oneIn(2) ? 'wbe' : this.#chance.pick(groups);
    },
    'a loop': () => {
      const need: Need = { needed: 'yes', reason: 'a source that always says so' };
      this.#machine.need(this.#chance.oneIn(2) ? need : undefined);
    },
    'a source that cannot tell': () => {
      this.#machine.need({ needed: 'unknown', why: 'the command was not found' });
    },
    'a rollback': () => {
      this.#machine.habits.boots = () => 'v0';
    },
    'a broken service': () => {
      this.#machine.habits.checks = () => ({ isGreen: false, why: 'it answers 500' });
    },
    'a service that is mended': () => this.#mend(this.#machine),
    'a drain that hangs': () => {
      this.#machine.habits.drains = () => new Promise(() => {});
    },
    'a drain that fails': () => {
      this.#machine.habits.drains = () => ({ isDone: false, why: 'a migration' });
    },
    'a reboot that is refused': () => {
      this.#machine.habits.reboots = { refused: 'an inhibitor' };
    },
    'a reboot that is ignored': () => {
      this.#machine.habits.reboots = 'ignores';
    },
    'a limit that changes': () =>
      this.#try(
        this.#fleet.operator.setGroup(this.#chance.pick(groups), {
          limit: { count: 1 + this.#chance.below(3) },
        }),
      ),
    'a pause': () =>
      this.#try(this.#fleet.operator.pause({ group: this.#chance.pick(groups) }, 'a doubt')),
    'a resume': () => this.#try(this.#fleet.operator.resume({ group: this.#chance.pick(groups) })),
    'a release': () => this.#try(this.#fleet.operator.release(this.#machine.id, 'a guess')),
    'an order': () => this.#try(this.#fleet.operator.now(this.#machine.id, 'a wish')),
  };

  get #machines(): readonly Machine[] {
    return [...this.#fleet.machines.values()];
  }

  get #machine(): Machine {
    return this.#chance.pick(this.#machines);
  }

  /** What an operator tries may be refused, or the store be away. */
  async #try(what: Promise<unknown>): Promise<void> {
    await this.#fleet.run(what.catch(() => {}));
  }

  #startAgents(): void {
    for (const machine of this.#machines)
      if (machine.isUp && !machine.hasAgent) machine.startAgent();
  }

  #mend(machine: Machine): void {
    Object.assign(machine.habits, {
      drains: () => ({ isDone: true }),
      checks: () => ({ isGreen: true }),
      reboots: 'does',
      boots: undefined,
    });
    machine.need(undefined);
  }

  /** All is well again; then nothing may be in the way of one more update but what a person has to end. */
  async #heal(): Promise<void> {
    const fleet = this.#fleet;
    const { cluster, operator } = fleet;
    cluster.heal();
    for (const { own } of fleet.coordinators) own.cutOff(false);
    for (const twin of fleet.twins) twin.killAgent();
    await fleet.pass(60_000);
    for (const machine of this.#machines) {
      this.#mend(machine);
      machine.cutOff(false);
      machine.group = undefined;
    }
    // Sick agents, hung in what was mended, are started anew, as an operator would.
    for (const machine of this.#machines) machine.killAgent();
    await fleet.pass(90_000);
    this.#startAgents();
    fleet.addCoordinator();
    await fleet.pass(60_000);
    for (const machine of this.#machines)
      if (!machine.hasAgent && machine.isUp) machine.startAgent();
    await fleet.run(operator.resume('fleet', 'all is well'));
    for (const name of groups) await fleet.run(operator.resume({ group: name }, 'all is well'));
    for (const { id, loop } of (await fleet.status()).hosts) {
      if (loop !== undefined) await fleet.run(operator.resume({ host: id }, 'all is well'));
    }
    this.#version++;
    for (const { habits } of this.#machines) habits.installed = `v${this.#version}`;
    await this.#come(`v${this.#version}`);
  }

  async #come(version: string): Promise<void> {
    const fleet = this.#fleet;
    const end = fleet.cluster.now + 7_200_000;
    for (;;) {
      await fleet.pass(5_000);
      const status = await fleet.status();
      const isThere = status.hosts.every(
        ({ version: runs, grant }) => runs === version && grant === undefined,
      );
      if (isThere && status.hosts.length === this.#machines.length) break;
      // Failures of the storm's own end may open a breaker once more.
      for (const { name, isBreakerOpen } of status.groups) {
        if (isBreakerOpen) await this.#try(fleet.operator.resume({ group: name }, 'all is well'));
      }
      if (fleet.cluster.now > end)
        throw new Error(`the fleet did not come to rest: ${brief(status)}`);
    }
    fleet.monitor.assertDepartures();
  }

  async #count(): Promise<number> {
    const history = await this.#fleet.history();
    for (const { kind } of history) this.#reached.set(kind, (this.#reached.get(kind) ?? 0) + 1);
    return this.#reached.get('granted') ?? 0;
  }
}
