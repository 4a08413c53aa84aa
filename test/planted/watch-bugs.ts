import type { PlantedBug } from './planted-bug.ts';

const watch = 'server/src/core/watch';

/** Ordered, unique, whole, complete, resumable, and told of what it misses. */
export const watchBugs: readonly PlantedBug[] = [
  {
    name: 'progress-before-events',
    edits: [
      {
        file: `${watch}/hub-stream.ts`,
        find: "if (watch.state === 'live' && watch.servedInRound !== round) ids.push(watch.id);",
        replace: 'if (watch.servedInRound !== round) ids.push(watch.id);',
      },
    ],
    wrong: 'A watch is told that it has everything while events are still to come.',
    seeds: 25,
  },
  {
    name: 'watch-batch-split',
    edits: [
      {
        file: `${watch}/watch-hub.ts`,
        find: 'while (end < events.length && events[end]?.modRevision === revision) end++;',
        replace: '',
      },
    ],
    wrong: 'The events of one revision come one by one.',
    seeds: 20,
  },
  {
    name: 'watch-skips-what-a-snapshot-brought',
    edits: [
      {
        file: `${watch}/watch-hub.ts`,
        find: 'for (const stream of this.#streams) stream.fallBehind(this.#source.revision + 1);',
        replace: 'for (const stream of this.#streams) stream.fallBehind(source.revision + 1);',
      },
    ],
    wrong: 'A watch goes on behind a snapshot as if it had seen what is in it.',
    seeds: 80,
  },
  {
    name: 'watch-goes-back-after-a-snapshot',
    edits: [
      {
        file: `${watch}/watch-hub.ts`,
        find: 'for (const stream of this.#streams) stream.fallBehind(this.#source.revision + 1);',
        replace:
          'for (const stream of this.#streams) stream.fallBehind(source.compactRevision + 1);',
      },
    ],
    wrong: 'After a snapshot a watch is told again what it has seen.',
    seeds: 80,
  },
  {
    name: 'slow-watch-loses-a-revision',
    edits: [
      {
        file: `${watch}/watch-hub.ts`,
        find: 'stream.fallBehind(revision);',
        replace: 'stream.fallBehind(revision + 1);',
      },
    ],
    wrong: 'A watch whose connection was full misses the revision that did not fit.',
    seeds: 20,
  },
  {
    name: 'compacted-watch-goes-on-in-silence',
    edits: [
      {
        file: `${watch}/hub-stream.ts`,
        find: 'if (watch.next >= compactRevision) continue;',
        replace: 'if (watch.next >= 0) continue;',
      },
    ],
    wrong: 'A watch that lost its place to a compaction is not told so.',
    seeds: 20,
  },
  {
    name: 'future-watch-told-the-past',
    edits: [
      {
        file: `${watch}/hub-stream.ts`,
        find: '} else if (watch.next > revision + 1) {',
        replace: '} else if (watch.next > revision + 1_000_000) {',
      },
      {
        file: `${watch}/hub-stream.ts`,
        find: '} else if (watch.next === revision + 1) {',
        replace: '} else if (watch.next > revision) {',
      },
    ],
    wrong: 'A watch from a revision that this member has not reached is told earlier ones.',
    seeds: 20,
  },
  {
    name: 'watch-previous-pair-wrong',
    edits: [
      {
        file: `${watch}/batch-maker.ts`,
        find: 'this.#source.before(kv.key, this.#revision)',
        replace: 'this.#source.before(kv.key, this.#revision - 1)',
      },
    ],
    wrong:
      'The pair before an event is missing, or an older one, if the event before it was close.',
    seeds: 20,
  },
  {
    name: 'watch-caught-up-twice',
    edits: [
      {
        file: `${watch}/hub-stream.ts`,
        find: "if (watch.state !== 'behind' || watch.next > revision) continue;",
        replace: "if (watch.state !== 'behind') continue;",
      },
    ],
    wrong: 'A watch that catches up together with one that is further behind gets events again.',
    seeds: 200,
  },
];
