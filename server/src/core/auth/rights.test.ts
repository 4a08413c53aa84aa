import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ByteString } from '@lockstep/client/protocol';
import fc from 'fast-check';
import { isPermittable, noRights, Rights } from './rights.ts';
import type { Permission, PermissionKind, PermittedRange } from './types.ts';

const bytes = (text: string): ByteString => text as ByteString;
const range = (key: string, rangeEnd = ''): PermittedRange => ({
  key: bytes(key),
  rangeEnd: bytes(rangeEnd),
});
const grant = (kind: PermissionKind, key: string, rangeEnd = ''): Permission => ({
  kind,
  ...range(key, rangeEnd),
});
const rightsOf = (...permissions: Permission[]) => new Rights(permissions, false);

describe('the rights of a user', () => {
  test('on one key are no rights on what comes after it', () => {
    const rights = rightsOf(grant('read', 'a'));
    assert.ok(rights.permits('read', range('a')));
    assert.ok(!rights.permits('read', range('a', '\0')));
    assert.ok(!rights.permits('read', range('a', 'b')));
    assert.ok(!rights.permits('read', range('a\0')));
    assert.ok(!rights.permits('write', range('a')));
  });

  test('on ranges that meet are rights on all of them together', () => {
    const rights = rightsOf(
      grant('readwrite', 'a', 'c'),
      grant('read', 'c'),
      grant('read', 'c\0', 'f'),
    );
    assert.ok(rights.permits('read', range('a', 'f')));
    assert.ok(rights.permits('write', range('a', 'c')));
    assert.ok(!rights.permits('write', range('a', 'd')));
    assert.ok(!rights.permits('read', range('a', 'f\0')));
  });

  test('with a gap of one key between them are none on what spans it', () => {
    const rights = rightsOf(grant('read', 'a', 'c'), grant('read', 'c\0', '\0'));
    assert.ok(!rights.permits('read', range('a', 'd')));
    assert.ok(!rights.permits('read', range('c')));
    assert.ok(rights.permits('read', range('c\0', '\0')));
  });

  test('to write are no rights to read', () => {
    assert.ok(!rightsOf(grant('write', 'a', 'z')).permits('read', range('b')));
  });

  test('of root are all, and of nobody none', () => {
    assert.ok(new Rights([], true).permits('write', range('\0', '\0')));
    assert.ok(!noRights.permits('read', range('a')));
  });

  test('are never given for no keys', () => {
    assert.ok(isPermittable(range('a')) && isPermittable(range('\0', '\0')));
    for (const bad of [range(''), range('', 'b'), range('b', 'a'), range('a', 'a')]) {
      assert.ok(!isPermittable(bad), JSON.stringify(bad));
    }
  });
});

test('merged rights decide as asking for each key does', () => {
  // Every key of at most three letters of this alphabet, so that borders and the keys beside them are all there.
  const letters = ['\0', 'a', 'b'];
  const words = (length: number): string[] =>
    length === 0 ? [''] : words(length - 1).flatMap((word) => letters.map((one) => word + one));
  const keys = [1, 2, 3].flatMap(words).sort();
  const key = fc.constantFrom(...[1, 2].flatMap(words));
  const end = fc.oneof(fc.constant(''), fc.constant('\0'), key);
  const ranges = fc.tuple(key, end).map(([first, last]) => range(first, last));
  const holds = ({ key: first, rangeEnd: last }: PermittedRange, one: string): boolean =>
    last === '' ? one === first : one >= first && (last === '\0' || one < last);
  const permissions = fc.array(
    fc
      .tuple(fc.constantFrom<PermissionKind>('read', 'write', 'readwrite'), ranges)
      .filter(([, granted]) => isPermittable(granted))
      .map(([kind, granted]) => ({ kind, ...granted })),
    { maxLength: 6 },
  );
  const seen = { permitted: 0, denied: 0 };
  fc.assert(
    fc.property(
      permissions,
      fc.constantFrom<'read' | 'write'>('read', 'write'),
      ranges,
      (granted, action, request) => {
        const decided = new Rights(granted, false).permits(action, request);
        const wanted = keys.filter((one) => holds(request, one));
        const dumb = (wanted.length > 0 ? wanted : [request.key]).every((one) =>
          granted.some(
            (each) => (each.kind === action || each.kind === 'readwrite') && holds(each, one),
          ),
        );
        // The alphabet ends, and with it what the dumb one sees of a range without an end.
        const beyond = granted.some(
          (each) => each.rangeEnd === '\0' && (each.kind === action || each.kind === 'readwrite'),
        );
        if (request.rangeEnd === '\0' && !beyond) assert.ok(!decided);
        else assert.equal(decided, dumb, JSON.stringify({ granted, action, request }));
        seen[decided ? 'permitted' : 'denied']++;
      },
    ),
    { numRuns: 20_000, seed: 8 },
  );
  assert.ok(seen.permitted > 1_000 && seen.denied > 1_000, JSON.stringify(seen));
});
