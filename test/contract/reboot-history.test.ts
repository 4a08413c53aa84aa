import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { op } from '@lockstep/client';
import { FleetKeys, Operator } from '@lockstep/reboot-coordinator';
import { CommandedMember } from '../harness/commanded-member.ts';

describe('the history of a fleet', () => {
  const member = new CommandedMember();

  function row(keys: FleetKeys, at: number, reason: string) {
    const key = `${keys.history}${String(at).padStart(15, '0')}-${reason}`;
    const entry = { kind: 'paused', at, by: 'somebody', group: reason.slice(0, 1), reason };
    return op.put(key, JSON.stringify(entry));
  }

  test('is told in the order in which it was written, whatever the clocks of its writers said', async () => {
    const keys = new FleetKeys('clocks');
    const operator = new Operator(member.client, { fleet: 'clocks', by: 'somebody' });
    for (const [at, reason] of [
      [9, 'a1'],
      [5, 'b1'],
      [7, 'a2'],
      [2, 'b2'],
    ] as const) {
      await member.client.txn({ success: [row(keys, at, reason)] });
    }
    const reasons = async (options: { limit?: number; group?: string }) =>
      (await operator.history(options)).map(({ reason }) => reason);
    assert.deepEqual(await reasons({}), ['a1', 'b1', 'a2', 'b2']);
    assert.deepEqual(await reasons({ limit: 2 }), ['a2', 'b2']);
    assert.deepEqual(await reasons({ group: 'a', limit: 1 }), ['a2']);
  });

  test('of more rows than one read gives has each once, rows of one transaction by their time', async () => {
    const keys = new FleetKeys('long');
    const operator = new Operator(member.client, { fleet: 'long', by: 'somebody' });
    const all = Array.from({ length: 1_200 }, (_, at) => `a${at}`);
    for (let from = 0; from < all.length; from += 120) {
      const part = all.slice(from, from + 120).map((reason, at) => row(keys, from + at, reason));
      await member.client.txn({ success: part });
    }
    const told = await operator.history({ limit: 2_000, group: 'a' });
    assert.deepEqual(
      told.map(({ reason }) => reason),
      all,
    );
  });
});
