import assert from 'node:assert/strict';
import fc from 'fast-check';
import { SimDisk } from '../../server/testing/sim-disk.ts';
import { type ByteMutation, byteMutations, mutatedBytes } from './fuzz.ts';
import type { Scheduler } from './scheduler.ts';

/** A directory by heart. */
export type Files = ReadonlyMap<string, Uint8Array>;

export function filesOf(disk: SimDisk): Map<string, Uint8Array> {
  return new Map(
    disk.list().map((name) => {
      const file = disk.open(name, 'read');
      const bytes = file.read(0, file.size()).slice();
      file.close();
      return [name, bytes];
    }),
  );
}

/** A disk that holds just these files, all of it durable, and nothing under way. */
export function diskWith(files: Files, scheduler: Scheduler): SimDisk {
  const disk = new SimDisk({ seed: 1, schedule: scheduler.schedule });
  for (const [name, bytes] of files) {
    const file = disk.open(name, 'create');
    file.write(0, bytes, (error) => assert.equal(error, undefined));
    scheduler.settle();
    file.sync(() => {});
    scheduler.settle();
    file.close();
  }
  disk.syncDirectory(() => {});
  scheduler.settle();
  return disk;
}

/** One thing that happens to a directory while nobody looks. Files are taken modulo how many there are. */
export type FileMutation =
  | { readonly type: 'bytes'; readonly file: number; readonly change: ByteMutation }
  | { readonly type: 'near'; readonly file: number; readonly back: number; readonly bit: number }
  | { readonly type: 'cutContent'; readonly file: number; readonly back: number }
  | { readonly type: 'sectors'; readonly file: number; readonly at: number; readonly to: number }
  | { readonly type: 'page'; readonly file: number; readonly at: number }
  | { readonly type: 'extend'; readonly file: number; readonly bytes: Uint8Array }
  | { readonly type: 'remove'; readonly file: number }
  | { readonly type: 'copy'; readonly file: number; readonly over: number }
  | { readonly type: 'rename'; readonly file: number; readonly name: string };

const file = fc.nat({ max: 100 });
const sector = fc.nat({ max: 40 });
const sectorBytes = 512;
const pageBytes = 4096;

/** @param names under which a file may turn up that is another's. */
export function fileMutations(names: readonly string[]): fc.Arbitrary<FileMutation> {
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ type: fc.constant('bytes' as const), file, change: byteMutations }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        type: fc.constant('near' as const),
        file,
        back: fc.nat({ max: 1500 }),
        bit: fc.nat(7),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constant('cutContent' as const),
        file,
        back: fc.nat({ max: 1500 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constant('sectors' as const),
        file,
        at: sector,
        to: sector,
      }),
    },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('page' as const), file, at: sector }) },
    {
      weight: 2,
      arbitrary: fc.record({
        type: fc.constant('extend' as const),
        file,
        bytes: fc.uint8Array({ minLength: 1, maxLength: 64 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('remove' as const), file }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('copy' as const), file, over: file }) },
    {
      weight: 1,
      arbitrary: fc.record({
        type: fc.constant('rename' as const),
        file,
        name: fc.constantFrom(...names),
      }),
    },
  );
}

/** The directory after what happens to it. `chosen` says which files anything happens to. */
export function mutatedFiles(
  files: Files,
  mutations: readonly FileMutation[],
  chosen: (name: string) => boolean,
): Map<string, Uint8Array> {
  const result = new Map(files);
  for (const mutation of mutations) {
    const names = [...result.keys()].filter(chosen).sort();
    const name = names[mutation.file % Math.max(1, names.length)];
    const bytes = name === undefined ? undefined : result.get(name);
    if (name === undefined || bytes === undefined) continue;
    switch (mutation.type) {
      case 'remove':
        result.delete(name);
        break;
      case 'rename':
        result.delete(name);
        result.set(mutation.name, bytes);
        break;
      case 'copy':
        result.set(names[mutation.over % names.length] ?? name, bytes);
        break;
      default:
        result.set(name, changedFile(bytes, mutation));
    }
  }
  return result;
}

function changedFile(
  bytes: Uint8Array,
  mutation: Exclude<FileMutation, { type: 'remove' | 'rename' | 'copy' }>,
): Uint8Array {
  const content = endOf(bytes);
  switch (mutation.type) {
    case 'bytes':
      return mutatedBytes(bytes, [mutation.change]);
    case 'near': {
      const at = Math.max(0, content - 1 - mutation.back);
      return mutatedBytes(bytes, [{ type: 'flip', at, bit: mutation.bit }]);
    }
    case 'cutContent':
      return bytes.slice(0, Math.max(0, content - mutation.back));
    case 'extend':
      return new Uint8Array(Buffer.concat([bytes, mutation.bytes]));
    case 'page':
      return bytes.slice().fill(0, ...spanOf(mutation.at, bytes.length, pageBytes));
    case 'sectors': {
      const swapped = bytes.slice();
      const [at, atEnd] = spanOf(mutation.at, bytes.length, sectorBytes);
      const [to, toEnd] = spanOf(mutation.to, bytes.length, sectorBytes);
      swapped.set(bytes.subarray(to, toEnd).subarray(0, atEnd - at), at);
      swapped.set(bytes.subarray(at, atEnd).subarray(0, toEnd - to), to);
      return swapped;
    }
  }
}

function spanOf(number: number, size: number, unit: number): [number, number] {
  const count = Math.max(1, Math.ceil(size / unit));
  const at = (number % count) * unit;
  return [at, Math.min(size, at + unit)];
}

/** Where the zeros at the end begin. */
export function endOf(bytes: Uint8Array): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}

/** The first place where a file is not what it was; undefined when nothing is lost of what it held. */
export function firstChange(was: Uint8Array, is: Uint8Array | undefined): number | undefined {
  if (is === undefined) return 0;
  const length = Math.max(was.length, is.length);
  for (let at = 0; at < length; at++) if ((was[at] ?? 0) !== (is[at] ?? 0)) return at;
  return undefined;
}
