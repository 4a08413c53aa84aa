import type { PlantedBug } from './planted-bug.ts';

const core = 'server/src/core';
const member = 'server/src/member';

/** Never shorter than promised, never for ever. */
export const leaseBugs: readonly PlantedBug[] = [
  {
    name: 'lease-shortened-by-a-leader-change',
    edits: [
      {
        file: `${member}/lease-keeper.ts`,
        find: '    this.#clock.tick();\n',
        replace: '    this.#clock.tick();\n    if (!leads) this.#clock.tick();\n',
      },
    ],
    wrong: 'Who does not lead counts leases too fast, and ends them early when it begins to lead.',
    seeds: 20,
  },
  {
    name: 'lease-ended-in-spite-of-its-renewal',
    edits: [
      {
        file: `${core}/lease/lease-table.ts`,
        find: 'return this.#marked(mark) === undefined ? undefined : this.revoke(mark.id);',
        replace: 'return this.revoke(mark.id);',
      },
    ],
    wrong: 'An end that was proposed before a renewal is carried out after it.',
    seeds: 200,
  },
  {
    name: 'lease-one-tick-short',
    edits: [
      {
        file: `${core}/lease/lease-clock.ts`,
        find: 'Math.ceil(seconds * this.#ticksPerSecond) + 1;',
        replace: 'Math.ceil(seconds * this.#ticksPerSecond) - 1;',
      },
    ],
    wrong: 'A lease ends a tick before its time.',
    seeds: 20,
  },
  {
    name: 'lease-keys-left-after-revoke',
    edits: [
      {
        file: `${core}/machine.ts`,
        find: "for (const key of keys) txn.deleteRange({ key, rangeEnd: '' as KeyValue['key'] });",
        replace:
          "for (const key of keys.slice(1)) txn.deleteRange({ key, rangeEnd: '' as KeyValue['key'] });",
      },
    ],
    wrong: 'A key outlives the lease that it hangs on.',
    seeds: 20,
  },
  {
    name: 'lease-not-detached',
    edits: [
      {
        file: `${core}/mvcc/store.ts`,
        find: 'if (kv.lease !== noLease) this.#leases.detach(kv.lease, kv.key);',
        replace: '',
      },
    ],
    wrong: 'A key that was written anew without its lease goes when the lease ends.',
    seeds: 200,
  },
  {
    name: 'lease-never-due',
    edits: [
      {
        file: `${member}/lease-keeper.ts`,
        find: 'if (outcome.ok) this.#expire();',
        replace: 'if (!outcome.ok) this.#expiring = true;',
      },
    ],
    wrong: 'After one end that could not be proposed a member never proposes another.',
    seeds: 200,
  },
];
