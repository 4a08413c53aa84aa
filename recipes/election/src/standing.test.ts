import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyValue } from '@lockstep/client';
import fc from 'fast-check';
import type { Candidate } from './candidate.ts';
import { isToLead, type Standing } from './standing.ts';

interface Sketch {
  readonly id: string;
  readonly priority: number;
  readonly isForeign: boolean;
}

function candidate({ id, priority, isForeign }: Sketch, token: number, came?: number): Candidate {
  const kv = new KeyValue({
    key: `boss/${id}`,
    value: '',
    createRevision: token,
    modRevision: token,
    version: 1,
  });
  const record = { identity: id, metadata: {}, priority, inOffice: false, since: 0, came };
  return { id, kv, record: isForeign ? undefined : record };
}

/** Lets the first go to the end of the line until one is to lead. @returns who, and after how many moves. */
function elect({ candidates, successor }: Standing): {
  readonly id: string;
  readonly moves: number;
} {
  let line = candidates;
  let token = 1_000;
  for (let moves = 0; moves <= 10 * candidates.length; moves++) {
    const [first, ...others] = line;
    assert.ok(first !== undefined);
    if (isToLead({ candidates: line, successor })) return { id: first.id, moves };
    const { id, record } = first;
    const sketch = { id, priority: record?.priority ?? 0, isForeign: false };
    line = [...others, candidate(sketch, token++, record?.came ?? first.kv.createRevision)];
  }
  throw new Error('they let each other pass for ever');
}

test('of a line that changes no more, the best that no stranger keeps apart leads, after one move each at most', () => {
  const sketches = fc.uniqueArray(
    fc.record({
      id: fc.constantFrom(...'abcdefgh'),
      priority: fc.integer({ min: -2, max: 2 }),
      isForeign: fc.integer({ min: 0, max: 4 }).map((chance) => chance === 0),
    }),
    { selector: ({ id }) => id, minLength: 1, maxLength: 8 },
  );
  const successors = fc.option(fc.constantFrom(...'abcdefgh'), { nil: undefined });
  fc.assert(
    fc.property(sketches, successors, (line, successor) => {
      const { id, moves } = elect({
        candidates: line.map((sketch, at) => candidate(sketch, at + 1)),
        successor,
      });
      assert.ok(moves < line.length, `${moves} moves`);
      assert.equal(id, expected(line, successor));
    }),
    { numRuns: 2_000 },
  );
});

/** The same from the rules, the other way round: who would lead if all could be asked at once. */
function expected(line: readonly Sketch[], successor: string | undefined): string | undefined {
  if (line[0]?.isForeign) return line[0].id;
  const strange = line.findIndex(({ isForeign }) => isForeign);
  const reachable = strange === -1 ? line : line.slice(0, strange + 1);
  const chosen = reachable.find(({ id }) => id === successor);
  const weight = ({ priority, isForeign }: Sketch): number => (isForeign ? 0 : priority);
  const highest = Math.max(...reachable.map(weight));
  return (chosen ?? reachable.find((each) => weight(each) === highest))?.id;
}

test('of equals the one who has waited longest leads, also when it let a better one pass', () => {
  const [a, b] = ['a', 'b'].map((id) => ({ id, priority: 0, isForeign: false }));
  assert.ok(a !== undefined && b !== undefined);
  const line = [candidate(b, 5), candidate(a, 9, 2)];
  assert.deepEqual(elect({ candidates: line, successor: undefined }), { id: 'a', moves: 1 });
});
