import type { PlantedBug } from './planted-bug.ts';

const storage = 'server/src/storage';
const member = 'server/src/member';

/** Log, snapshots, and what is read back after a restart. */
export const storageBugs: readonly PlantedBug[] = [
  {
    name: 'acknowledged-before-sync',
    edits: [
      {
        file: `${storage}/wal/wal.ts`,
        find: 'active.file.writeDurable(offset, bytes, (error) => {',
        replace: 'active.file.write(offset, bytes, (error) => {',
      },
    ],
    wrong: 'The log says that a batch is durable when it is written and not synced.',
    seeds: 20,
  },
  {
    name: 'acknowledged-before-write',
    edits: [
      {
        file: `${member}/durable-writes.ts`,
        find: 'this.#underWay++;',
        replace:
          'this.#underWay++;\n    this.#durableBatch = Math.max(this.#durableBatch, write.batch);',
      },
    ],
    wrong: 'A member confirms what it has only handed to its disk.',
    seeds: 200,
  },
  {
    name: 'log-checksum-not-looked-at',
    edits: [
      {
        file: `${storage}/frame.ts`,
        find: 'if (end > bytes.length || crc32c(bytes, at + 4, end, seed) !== crc) return',
        replace: 'if (end > bytes.length) return',
      },
    ],
    wrong: 'Frames of logs and snapshots are believed without their checksum.',
    seeds: 20,
  },
  {
    name: 'torn-tail-not-cut',
    edits: [
      {
        file: `${storage}/wal/open.ts`,
        find: 'if (contentEnd === end.offset) sync();',
        replace: 'if (contentEnd >= end.offset) sync();',
      },
    ],
    wrong: 'What a torn write left behind the end of the log stays there.',
    seeds: 200,
  },
  {
    name: 'torn-tail-taken-for-corruption',
    edits: [
      {
        file: `${storage}/wal/recovery.ts`,
        find: 'if (highest === undefined || !isBefore(end, highest)) return prepared;',
        replace: 'if (highest === undefined && contentEnd === end.offset) return prepared;',
      },
      {
        file: `${storage}/wal/recovery.ts`,
        find: 'const next = this.#checkBehind(end, behind);',
        replace: 'const next = this.#checkBehind(end, behind, contentEnd);',
      },
      {
        file: `${storage}/wal/recovery.ts`,
        find: '#checkBehind(end: Position, behind: readonly number[]): number | undefined {',
        replace:
          '#checkBehind(end: Position, behind: readonly number[], contentEnd: number): number | undefined {',
      },
      {
        file: `${storage}/wal/recovery.ts`,
        find: 'throw this.#lost(clean ? { sequence: end.sequence + 1, offset: 0 } : end, highest);',
        replace:
          'throw this.#lost(clean ? { sequence: end.sequence + 1, offset: 0 } : end, highest ?? end);',
      },
    ],
    wrong: 'A member does not start again after a crash in the middle of a write.',
    seeds: 80,
  },
  {
    name: 'snapshot-named-before-sync',
    edits: [
      {
        file: `${storage}/snapshot-writer.ts`,
        find: 'if (error === undefined) this.#file.sync(settle);',
        replace: 'if (error === undefined) settle(undefined);',
      },
    ],
    wrong: 'A snapshot gets its name before its content is on disk.',
    seeds: 20,
  },
  {
    name: 'log-released-too-early',
    edits: [
      {
        file: `${member}/member.ts`,
        find: 'this.wal.release(releasable);',
        replace: 'this.wal.release(releasable < 0 ? 0 : this.#appliedIndex);',
      },
    ],
    wrong: 'Segments of the log are deleted that the snapshot does not cover.',
    seeds: 200,
  },
  {
    name: 'applied-twice-after-restart',
    edits: [
      {
        file: `${member}/member.ts`,
        find: '{ meta: this.place(), logBytes }',
        replace: '{ meta: { ...this.place(), index: this.#appliedIndex - 1 }, logBytes }',
      },
    ],
    wrong:
      'A snapshot says that it ends one entry before it does, and that entry is applied again.',
    seeds: 20,
  },
  {
    name: 'snapshot-not-pinned',
    edits: [
      {
        file: 'server/src/core/mvcc/view.ts',
        find: 'this.#release = store.pins.pin(store.compactRevision);',
        replace: 'this.#release = () => {};',
      },
    ],
    wrong: 'Memory is given back while a snapshot is still written from it.',
    seeds: 200,
  },
  {
    name: 'replies-missing-in-snapshot',
    edits: [
      {
        file: 'server/src/core/machine-image.ts',
        find: 'yield* listChunks(sections.replies, replies, (writer, client) =>',
        replace:
          'yield* listChunks(sections.replies, replies.slice(replies.length), (writer, client) =>',
      },
    ],
    wrong: 'The replies to mutations that must run once are not part of a snapshot.',
    seeds: 20,
  },
  {
    name: 'leases-missing-in-snapshot',
    edits: [
      {
        file: 'server/src/core/machine-image.ts',
        find: 'yield* listChunks(sections.leases, leases.records(), (writer, record) => {',
        replace:
          'yield* listChunks(sections.leases, [...leases.records()].slice(1), (writer, record) => {',
      },
    ],
    wrong: 'One lease is left out of every snapshot.',
    seeds: 20,
  },
  {
    name: 'chunks-of-two-snapshots-mixed',
    edits: [
      {
        file: `${member}/snapshots.ts`,
        find: 'if (receiving.meta.index !== frame.index) return this.#drop(receiving);',
        replace: '',
      },
    ],
    wrong: 'Chunks are put together with the beginning of another snapshot.',
    seeds: 200,
  },
];
