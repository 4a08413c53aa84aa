import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { importsOf } from './imports.ts';
import { shippedSources } from './sources.ts';
import { checkFile, exceptions, type Room, roomOf, rooms } from './walls.ts';

const sources = shippedSources();
const isThere = (path: string) => sources.has(path);
const verdicts = new Map(
  [...sources].map(([file, source]) => [file, checkFile(file, source, isThere)]),
);

/** What is wrong with such a file. */
function faultsOf(file: string, source: string): readonly string[] {
  return checkFile(file, source, isThere).faults;
}

/** A name in that room that no file has. */
function newFileIn(room: Room): string {
  const [place = ''] = room.at;
  return place.endsWith('.ts') ? place : `${place.replace('/*', '')}/planted.ts`;
}

/** A file of that room, and how another room would name it. */
function pathTo(room: Room, from: string): string {
  const target = [...sources.keys()].find((file) => roomOf(file) === room);
  assert.ok(target !== undefined, `${room.name} has no file`);
  const up = '../'.repeat(from.split('/').length - 1);
  return `${up === '' ? './' : up}${target}`;
}

test('no import breaks a wall', () => {
  assert.deepEqual(
    [...verdicts.values()].flatMap(({ faults }) => faults),
    [],
  );
});

test('the check has looked: every room has files, and imports to hold against the table', () => {
  const inRoom = new Map(rooms.map((room) => [room, { files: 0, imports: 0 }]));
  for (const [file, { imports }] of verdicts) {
    const room = roomOf(file);
    const count = room && inRoom.get(room);
    if (count === undefined) continue;
    count.files++;
    count.imports += imports;
  }
  const counts = [...inRoom.values()];
  const empty = [...inRoom].filter(([, { files }]) => files === 0).map(([{ name }]) => name);
  assert.deepEqual(empty, []);
  assert.equal(sum(counts.map(({ files }) => files)), sources.size);
  assert.ok(sources.size >= 130, `${sources.size} files`);
  const imports = sum(counts.map((count) => count.imports));
  assert.ok(imports >= 500, `${imports} imports`);
  const mute = [...inRoom].filter(([, count]) => count.imports === 0).map(([{ name }]) => name);
  assert.deepEqual(mute, ['ports', 'api/console', 'version'], 'rooms that import nothing');
});

test('every exception is needed', () => {
  const used = new Set([...verdicts.values()].flatMap((verdict) => verdict.used));
  assert.deepEqual(
    exceptions.filter((exception) => !used.has(exception)),
    [],
  );
});

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

describe('every kind of import is seen', () => {
  const seen: readonly (readonly [string, string | undefined, boolean])[] = [
    ["import a, { type B } from 'x';", 'x', false],
    ["import {\n  a, // of 'y'\n  b,\n} from 'x';", 'x', false],
    ["import type { A } from 'x';", 'x', true],
    ["import { type A } from 'x';", 'x', false],
    ["import type from 'x';", 'x', false],
    ["import 'x';", 'x', false],
    ["export { a } from 'x';", 'x', false],
    ["export type { A } from 'x';", 'x', true],
    ["export * from 'x';", 'x', false],
    ["export * as a from 'x';", 'x', false],
    ["export type * from 'x';", 'x', true],
    ["const a = await import('x');", 'x', false],
    ['const a = await import(`x`);', 'x', false],
    ["let a: typeof import('x');", 'x', true],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source of a template.
    ["const a = `${await import('x')}`;", 'x', false],
    ["const a = /'/; import('x');", 'x', false],
    ["const a = 4 / 2; import('x'); // 3 / 1", 'x', false],
    ["const a = require('x');", 'x', false],
    ['await import(name);', undefined, false],
    ["await import('x' + name);", undefined, false],
  ];
  for (const [source, specifier, typeOnly] of seen) {
    test(JSON.stringify(source), () => {
      const found = importsOf(source).map((one) => [one.specifier, one.typeOnly]);
      assert.deepEqual(found, [[specifier, typeOnly]]);
    });
  }
  const unseen = [
    "// import 'x';",
    "/* import 'x';\n import('x') */",
    'const a = "import \'x\'";',
    "const a = `import('x')`;",
    "const a = /import('x')/;",
    "loader.import('x');",
    'const url = import.meta.url;',
    'export const a = { from: 1 };',
    "export { a };\nconst from = 'x';",
  ];
  for (const source of unseen) {
    test(`but not in ${JSON.stringify(source)}`, () => assert.deepEqual(importsOf(source), []));
  }
});

describe('every wall can fail', () => {
  for (const room of rooms) {
    const file = newFileIn(room);
    const walled = rooms.filter((other) => {
      const open = [room.name, ...(room.rooms ?? [])];
      return !open.includes(other.name);
    });
    test(`${room.name} against ${walled.length} rooms, a library and Node`, () => {
      for (const other of walled) {
        const found = faultsOf(file, `import '${pathTo(other, file)}';`);
        assert.equal(found.length, 1, `${file} may import ${other.name}: ${found}`);
      }
      assert.equal(faultsOf(file, "import 'left-pad';").length, 1);
      assert.equal(faultsOf(file, 'import(name);').length, 1);
      const ofNode = faultsOf(file, "import 'node:fs';").length;
      assert.equal(ofNode, room.node?.includes('*') ? 0 : 1);
    });
  }
});

describe('the design says never', () => {
  const never: readonly (readonly [string, string])[] = [
    ['client/protocol', "import 'ws'"],
    ['client/protocol', "import '../src/client.ts'"],
    ['client/src', "import '@lockstep/server'"],
    ['client/src', "import 'node:fs'"],
    ['client/src', "import 'ws'"],
    ['server/src/core/base', "import 'node:crypto'"],
    ['server/src/core/base', "import { frameText } from '@lockstep/client/protocol'"],
    ['server/src/core/raft', "import '../mvcc/store.ts'"],
    ['server/src/core/raft', "import type { A } from '@lockstep/client/protocol'"],
    ['server/src/core/mvcc', "import '../raft/raft.ts'"],
    ['server/src/core/mvcc', "import { codes } from '@lockstep/client/protocol'"],
    ['server/src/core/watch', "import type { MvccStore } from '../mvcc/store.ts'"],
    ['server/src/core/watch', "import '../raft/raft.ts'"],
    ['server/src/core', "import '../storage/wal/wal.ts'"],
    ['server/src/core', "import '../io/system-disk.ts'"],
    ['server/src/core', "import 'node:fs'"],
    ['server/src/storage', "import '../member/member.ts'"],
    ['server/src/storage', "import '../service/service.ts'"],
    ['server/src/storage', "import 'node:fs'"],
    ['server/src/member', "import '../api/listen.ts'"],
    ['server/src/member', "import '../service/service.ts'"],
    ['server/src/member', "import type { A } from '../io/system-disk.ts'"],
    ['server/src/member', "import 'node:timers'"],
    ['server/src/io', "import '../member/member.ts'"],
    ['server/src/io', "import '../storage/frame.ts'"],
    ['server/src/io', "import '../api/listen.ts'"],
    ['server/src/service', "import '../member/member-store.ts'"],
    ['server/src/service', "import type { A } from '../core/mvcc/key-value.ts'"],
    ['server/src/service', "import '../io/system-clock.ts'"],
    ['server/src/api/http', "import '../ws/socket.ts'"],
    ['server/src/api/ws', "import '../http/door.ts'"],
    ['server/src/api/http', "import '../../core/base/codec.ts'"],
    ['server/src/api/ws', "import '../../member/member.ts'"],
    ['server/src/api/console', "import '../http/door.ts'"],
    ['server/src/api/console', "import 'node:fs'"],
    ['server/src/api/http', "import '../console/page.ts'"],
    ['server/src/api', "import '../member/member.ts'"],
    ['console/src', "import '@lockstep/server'"],
    ['console/src', "import 'node:fs'"],
    ['console/src', "import '../../client/src/connection/link.ts'"],
    ['server/src/api', "import '../storage/frame.ts'"],
    ['server/testing', "import '../src/io/system-disk.ts'"],
    ['server/testing', "import '../src/main.ts'"],
    ['server/testing', "import 'node:fs'"],
    ['server/src/member', "import '../../testing/sim-time.ts'"],
    ['cli/src', "import '../../client/src/connection/link.ts'"],
    ['cli/src', "import '../../server/src/member/member.ts'"],
    ['server/src/service', "import './nowhere.ts'"],
    ['server/src/service', "import '@lockstep/client/src/connection/link.ts'"],
    ['server/src/new-room', "import './a.ts'"],
    ['recipes/locks/src', "import '@lockstep/server'"],
    ['recipes/rendezvous/src', "import '@lockstep/server'"],
    ['recipes/rendezvous/src', "import '@lockstep/locks'"],
    ['recipes/locks/src', "import '@lockstep/election'"],
    ['recipes/election/src', "import '@lockstep/server'"],
    ['recipes/election/src', "import '../../locks/src/place.ts'"],
  ];
  for (const [folder, source] of never) {
    test(`${folder}: ${source}`, () => {
      assert.equal(faultsOf(`${folder}/planted.ts`, source).length, 1);
    });
  }
});

test('what the design allows is allowed', () => {
  const allowed: readonly (readonly [string, string])[] = [
    ['server/src/core/mvcc', "import type { A } from '@lockstep/client/protocol'"],
    ['server/src/core/raft', "import { assert } from '../base/assert.ts'"],
    ['server/src/core', "export * from './raft/raft.ts'"],
    ['server/src/member', "import '../storage/wal/wal.ts'"],
    ['server/src/io', "import 'node:fs'"],
    ['server/src/api/ws', "import '../../service/service.ts'"],
    ['cli/src/verbs', "import('@lockstep/server/config')"],
  ];
  for (const [folder, source] of allowed) {
    assert.deepEqual(faultsOf(`${folder}/planted.ts`, source), []);
  }
});
