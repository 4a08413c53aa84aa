import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Client, LockstepError } from '@lockstep/client';
import type { MemberInfo } from '@lockstep/client/protocol';
import { createTestCluster, type TestCluster, type TestMember } from '@lockstep/server/testing';
import { Random } from '../../server/src/core/base/random.ts';

/** Operators and faults at random: members come, go and are replaced while others crash and are cut off. */
class Turmoil {
  readonly cluster: TestCluster;
  readonly #random: Random;
  #client: Client;
  readonly #written: string[] = [];
  readonly #said: string[] = [];
  #next = 'd'.charCodeAt(0);

  constructor(cluster: TestCluster, seed: number) {
    this.cluster = cluster;
    this.#random = new Random(seed);
    this.#client = cluster.client();
  }

  /** What it did, for the message of a failure. */
  get story(): string {
    return this.#said.join('\n');
  }

  /** A client learns of members when it connects; one that lives through all this may know none that is left. */
  #meetAll(): void {
    this.#client = this.cluster.client();
  }

  /** Awaits in virtual time; undefined when it was refused, or is unknown. */
  async #try<Result>(what: string, promise: Promise<Result>): Promise<Result | undefined> {
    try {
      const result = await this.cluster.advanceUntil(promise);
      this.#said.push(`${what}: done`);
      return result;
    } catch (error) {
      if (!(error instanceof LockstepError)) throw error;
      this.#said.push(`${what}: ${error.code}`);
      return undefined;
    }
  }

  async write(): Promise<void> {
    const key = `k${this.#written.length}.${this.#random.below(1_000_000)}`;
    if ((await this.#try(`put ${key}`, this.#client.put(key, key))) !== undefined) {
      this.#written.push(key);
    }
  }

  async step(): Promise<void> {
    this.#meetAll();
    const act = this.#random.pick([
      ...['add', 'add', 'replace', 'replace', 'replace', 'remove', 'remove', 'promote'],
      ...['kill', 'kill', 'restart', 'restart', 'partition', 'heal', 'heal', 'move'],
    ]);
    await this.#acts[act]?.();
    // Nothing happens while most are away.
    if (this.#random.oneIn(3)) await this.#acts.heal?.();
    if (this.#random.oneIn(3)) await this.#acts.restart?.();
    await this.write();
    await this.cluster.advance(this.#random.below(4_000));
  }

  readonly #acts: Readonly<Record<string, () => Promise<void>>> = {
    add: async () => {
      const name = String.fromCharCode(this.#next++);
      const request = {
        peerAddress: this.cluster.peerAddress(name),
        learner: this.#random.oneIn(4),
      };
      await this.#try(`add ${name}`, this.#client.cluster.add(request));
      this.#join(name);
    },
    replace: async () => {
      const old = await this.#anybody();
      if (old === undefined) return;
      const name = String.fromCharCode(this.#next++);
      const asked = this.#client.cluster.replace(old.memberId, this.cluster.peerAddress(name));
      await this.#try(`replace ${old.name} by ${name}`, asked);
      this.#join(name);
    },
    remove: async () => {
      const old = await this.#anybody();
      if (old === undefined) return;
      await this.#try(`remove ${old.name}`, this.#client.cluster.remove(old.memberId));
    },
    promote: async () => {
      const old = await this.#anybody();
      if (old === undefined) return;
      await this.#try(`promote ${old.name}`, this.#client.cluster.promote(old.memberId));
    },
    kill: async () => {
      const up = this.cluster.members.filter(({ isUp }) => isUp);
      // More would only make it wait.
      if (up.length > 2) this.#say('kill', this.#random.pick(up)).kill();
    },
    restart: async () => {
      const down = this.cluster.members.filter((one) => !one.isUp && one.stoppedBy === undefined);
      if (down.length > 0) this.#say('restart', this.#random.pick(down)).restart();
    },
    partition: async () => {
      const { name } = this.#say('cut off', this.#random.pick([...this.cluster.members]));
      this.cluster.partition(name);
    },
    heal: async () => {
      this.cluster.heal();
      this.#said.push('heal');
    },
    move: async () => {
      const target = await this.#anybody();
      if (target === undefined) return;
      await this.#try(`lead ${target.name}`, this.#client.moveLeader(target.memberId));
    },
  };

  /** Starts it unless it was refused; where the outcome is unknown, it finds out by itself. */
  #join(name: string): void {
    if (/: (done|ambiguous)$/.test(this.#said.at(-1) ?? '')) this.cluster.join(name);
  }

  #say(what: string, member: TestMember): TestMember {
    this.#said.push(`${what} ${member.name}`);
    return member;
  }

  async #anybody() {
    const members = await this.#try('list', this.#client.cluster.members());
    return members === undefined ? undefined : this.#random.pick([...members]);
  }

  /** Repairs everything; then the cluster must settle, and have all that was acknowledged, on every member. */
  async settle(): Promise<void> {
    const { cluster } = this;
    cluster.heal();
    for (const member of cluster.members) {
      if (!member.isUp && member.stoppedBy === undefined) member.restart();
    }
    let members: readonly MemberInfo[] = [];
    for (let times = 0; times < 120; times++) {
      await cluster.advance(1_000);
      this.#meetAll();
      members = (await this.#try('list', this.#client.cluster.members())) ?? [];
      const isDone = members.every(({ name, promotes }) => name !== '' && promotes === undefined);
      if (members.length > 0 && isDone) break;
    }
    const names = members.map(({ name }) => name).sort();
    assert.ok(members.length > 0, `the cluster does not answer:\n${this.story}`);
    assert.ok(
      members.every(({ name, promotes }) => name !== '' && promotes === undefined),
      `${JSON.stringify(members)} have not settled:\n${this.story}`,
    );
    for (const name of names) {
      const { address } = cluster.member(name);
      const own = cluster.client({ endpoints: address, learnEndpoints: false });
      for (const key of this.#written) {
        const found = await cluster.advanceUntil(own.get(key));
        assert.equal(found?.value, key, `${name} lacks ${key}:\n${this.story}`);
      }
    }
    for (const { name, stoppedBy } of cluster.members) {
      if (stoppedBy === undefined) continue;
      assert.match(stoppedBy.message, /was removed from|expects no member|is to join/, this.story);
      assert.ok(!names.includes(name), `${name} stopped: ${stoppedBy.message}:\n${this.story}`);
    }
    assert.ok(this.#written.length > 5, this.story);
  }
}

const seeds = Number(process.env.MEMBERSHIP_SEEDS ?? 4);

for (let seed = 1; seed <= seeds; seed++) {
  test(`whatever operators and faults do, nothing is lost and the members settle (seed ${seed})`, async (t) => {
    const cluster = await createTestCluster({ members: 3, seed });
    t.after(() => cluster.close());
    const turmoil = new Turmoil(cluster, seed);
    for (let step = 0; step < 25; step++) await turmoil.step();
    await turmoil.settle();
  });
}
