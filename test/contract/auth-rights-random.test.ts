import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PermissionKind, TxnOperation, TxnParams } from '@lockstep/client/protocol';
import fc from 'fast-check';
import { anyone } from '../../server/src/service/service.ts';
import { AuthRig } from '../harness/auth-rig.ts';

/** A request may do what a checker allows that asks for each key of a small alphabet on its own. */
describe('generated requests are decided as by asking for each key alone', () => {
  const letters = ['a', 'b', 'c', 'd'];
  const key = fc.constantFrom(...letters);
  const end = fc.constantFrom(undefined, 'b', 'c', 'd', 'e', '\0');
  const selector = fc
    .tuple(key, end)
    .map(([first, rangeEnd]) =>
      rangeEnd === undefined ? { key: first } : { key: first, rangeEnd },
    );
  const flag = fc.boolean();
  const trees = fc.letrec<{ txn: TxnParams; operation: TxnOperation }>((tie) => ({
    txn: fc
      .tuple(
        fc.array(selector, { maxLength: 1 }),
        fc.array(tie('operation'), { maxLength: 2 }),
        fc.array(tie('operation'), { maxLength: 2 }),
      )
      .map(([compares, success, failure]) => ({
        compare: compares.map((one) => ({
          ...one,
          ...{ target: 'version' as const, operator: '=' as const, operand: 0 },
        })),
        success,
        failure,
      })),
    operation: fc.oneof(
      { maxDepth: 3 },
      selector.map((range) => ({ range })),
      fc
        .tuple(key, flag, flag, fc.boolean())
        .map(([one, prevKv, ignoreValue, leased]): TxnOperation => {
          const put = { key: one, prevKv, ...(leased ? { lease: '7' } : {}) };
          return { put: ignoreValue ? { ...put, ignoreValue } : { ...put, value: '' } };
        }),
      fc.tuple(selector, flag).map(([range, prevKv]) => ({ deleteRange: { ...range, prevKv } })),
      tie('txn').map((txn) => ({ txn })),
    ),
  }));
  const permissions = fc.array(
    fc.tuple(fc.constantFrom<PermissionKind>('read', 'write', 'readwrite'), selector),
    { maxLength: 5 },
  );

  type Selector = { readonly key?: unknown; readonly rangeEnd?: unknown };
  const holds = ({ key: first, rangeEnd }: Selector, one: string): boolean => {
    if (rangeEnd === undefined) return one === first;
    return one >= String(first) && (rangeEnd === '\0' || one < String(rangeEnd));
  };

  /** The keys that are needed, one by one; the one after the last letter stands for all that follow. */
  class Dumb {
    readonly reads = new Set<string>();
    readonly writes = new Set<string>();
    readonly #leased: readonly string[];

    constructor(txn: TxnParams, leased: readonly string[]) {
      this.#leased = leased;
      this.#txn(txn);
    }

    #add(to: Set<string>, range: Selector): void {
      // What is in no range still is asked about: the key that the range names.
      if (![...letters, 'zzz'].some((one) => holds(range, one))) to.add(String(range.key));
      for (const one of [...letters, 'zzz']) if (holds(range, one)) to.add(one);
      // Keys between the letters are there too.
      if (range.rangeEnd === undefined) return;
      for (const one of letters) if (holds(range, `${one}x`)) to.add(`${one}x`);
    }

    #txn({ compare = [], success = [], failure = [] }: TxnParams): void {
      for (const one of compare) this.#add(this.reads, one);
      for (const { range, put, deleteRange, txn } of [...success, ...failure]) {
        if (range) this.#add(this.reads, range);
        if (put) {
          this.#add(this.writes, put);
          if (put.prevKv || put.ignoreValue) this.#add(this.reads, put);
          if (put.lease) for (const one of this.#leased) this.writes.add(one);
        }
        if (deleteRange) {
          this.#add(this.writes, deleteRange);
          if (deleteRange.prevKv) this.#add(this.reads, deleteRange);
        }
        if (txn) this.#txn(txn);
      }
    }
  }

  test('over whole trees of transactions', async () => {
    const seen = { ok: 0, permission_denied: 0, other: 0 };
    await fc.assert(
      fc.asyncProperty(
        trees.txn,
        permissions,
        fc.subarray(letters),
        async (txn, granted, leased) => {
          const rig = new AuthRig().user('ada');
          const given = granted.filter(
            ([, { key: first, ...rest }]) =>
              !('rangeEnd' in rest) || rest.rangeEnd === '\0' || String(rest.rangeEnd) > first,
          );
          // Of a range that was given twice, the last kind counts.
          const kinds = new Map<string, [PermissionKind, Selector]>();
          for (const [kind, range] of given) {
            const { key: first, rangeEnd = '' } = range as { key: string; rangeEnd?: string };
            rig.grant('ada', kind, first, rangeEnd);
            kinds.set(`${first} ${rangeEnd}`, [kind, range]);
          }
          await rig.call(anyone, 'lease.grant', { ttl: 60, id: '7' });
          for (const one of leased) {
            await rig.call(anyone, 'kv.put', { key: one, value: '', lease: '7' });
          }
          rig.enforce();
          const may = (action: PermissionKind, one: string): boolean =>
            [...kinds.values()].some(
              ([kind, range]) => (kind === action || kind === 'readwrite') && holds(range, one),
            );
          const needed = new Dumb(txn, leased);
          const allowed =
            [...needed.reads].every((one) => may('read', one)) &&
            [...needed.writes].every((one) => may('write', one));
          const outcome = await rig.call(rig.as('ada'), 'kv.txn', txn);
          // Whoever may do it can still be told that it cannot be done; the checks of form come first.
          const refusedForm = ['duplicate_key', 'too_many_operations'].includes(outcome);
          if (!refusedForm) {
            const what = JSON.stringify({ txn, given, leased, outcome });
            assert.equal(outcome !== 'permission_denied', allowed, what);
          }
          if (outcome === 'ok' || outcome === 'permission_denied') seen[outcome]++;
          else seen.other++;
        },
      ),
      { numRuns: 3_000, seed: 8 },
    );
    assert.ok(seen.ok > 200 && seen.permission_denied > 500, JSON.stringify(seen));
  });
});
