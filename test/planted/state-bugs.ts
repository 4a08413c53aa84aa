import type { PlantedBug } from './planted-bug.ts';

const core = 'server/src/core';
const mvcc = `${core}/mvcc`;

/** The machine that entries are applied to: keys, history, transactions, replies, alarms. */
export const stateBugs: readonly PlantedBug[] = [
  {
    name: 'delete-dropped-at-the-compaction-point',
    edits: [
      {
        file: `${mvcc}/store.ts`,
        find: 'events.dropBefore(Math.min(position, atTarget));',
        replace: 'events.dropBefore(Math.max(position, atTarget));',
      },
    ],
    wrong:
      'What happened at the compaction point itself, such as a delete, is dropped from the log of events.',
    seeds: 20,
  },
  {
    name: 'swept-one-revision-too-far',
    edits: [
      {
        file: `${mvcc}/store.ts`,
        find: 'this.#sweepKey(key, target);',
        replace: 'this.#sweepKey(key, target + 1);',
      },
    ],
    wrong: 'Versions are given back that can still be read at the compaction point.',
    seeds: 20,
  },
  {
    name: 'compacted-one-revision-too-far',
    edits: [
      {
        file: `${mvcc}/store.ts`,
        find: "return revision > 0 && revision < this.#compactRevision ? 'compacted' : undefined;",
        replace:
          "return revision > 0 && revision <= this.#compactRevision ? 'compacted' : undefined;",
      },
    ],
    wrong: 'The state at the compaction point cannot be read any more.',
    seeds: 200,
  },
  {
    name: 'compare-sees-its-own-writes',
    edits: [
      {
        file: `${mvcc}/txn.ts`,
        find: 'const reply = execute(store, txn, operation.request, path.nested[child++] as Path);',
        replace:
          'const reply = execute(store, txn, operation.request, pathOf(store, operation.request));',
      },
    ],
    wrong: 'The conditions of an inner transaction see what the outer one has just written.',
    seeds: 200,
  },
  {
    name: 'comparison-holds-for-newer',
    edits: [
      {
        file: `${mvcc}/txn.ts`,
        find: 'return decide(compare.operator, kv.modRevision, compare.operand);',
        replace:
          'return decide(compare.operator, Math.min(kv.modRevision, compare.operand as number), compare.operand);',
      },
    ],
    wrong: 'A condition on the revision of a key holds although it was written anew since.',
    seeds: 20,
  },
  {
    name: 'version-goes-on-after-a-delete',
    edits: [
      {
        file: `${mvcc}/key-value.ts`,
        find: 'const fresh = previous === undefined || isTombstone(previous);',
        replace: 'const fresh = previous === undefined;',
      },
    ],
    wrong: 'A key that was deleted does not begin anew with version 1 and its own create revision.',
    seeds: 20,
  },
  {
    name: 'previous-pair-of-a-deleted-key',
    edits: [
      {
        file: `${mvcc}/write-txn.ts`,
        find: 'return previous === undefined || isTombstone(previous) ? undefined : previous;',
        replace: 'return previous;',
      },
    ],
    wrong: 'A put is told the tombstone that it replaced as the pair before it.',
    seeds: 20,
  },
  {
    name: 'deleted-key-read',
    edits: [
      {
        file: `${mvcc}/key-history.ts`,
        find: 'return version === undefined || isTombstone(version) ? undefined : version;',
        replace: 'return version;',
      },
    ],
    wrong: 'A read of the past shows keys that were deleted then.',
    seeds: 20,
  },
  {
    name: 'forgotten-mutation-runs-again',
    edits: [
      {
        file: `${core}/reply-table.ts`,
        find: "if (sequence < client.ackedBelow) return { outcome: 'refused', code: 'reply_evicted' };",
        replace: '',
      },
    ],
    wrong: 'A mutation whose answer was acknowledged and forgotten runs a second time.',
    seeds: 20,
  },
  {
    name: 'repeated-mutation-told-the-revision-of-now',
    edits: [
      {
        file: `${core}/machine.ts`,
        find: "if (known.outcome === 'replay') return { ...known, events: nothing };",
        replace: "if (known.outcome === 'replay') return { reply: known.reply, events: nothing };",
      },
    ],
    wrong: 'A repeated mutation is answered with the revision of now and not with its own.',
    seeds: 20,
  },
  {
    name: 'alarm-ignored',
    edits: [
      {
        file: `${core}/machine.ts`,
        find: "if (needsRoom(command) && this.alarms.has('nospace')) {",
        replace: "if (needsRoom(command) && this.alarms.has('corrupt')) {",
      },
    ],
    wrong: 'Writes go on although there is no space.',
    seeds: 200,
  },
  {
    name: 'alarm-lost-in-a-snapshot',
    edits: [
      {
        file: `${core}/machine-restorer.ts`,
        find: 'for (const alarm of readAlarms(reader)) this.#machine.alarms.raise(alarm);',
        replace: 'readAlarms(reader);',
      },
    ],
    wrong:
      'Who starts from a snapshot does not know that there is no space, and applies what others refuse.',
    seeds: 200,
  },
];
