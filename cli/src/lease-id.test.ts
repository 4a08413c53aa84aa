import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leaseId } from './lease-id.ts';

test('a lease id is decimal, or hexadecimal after 0x, over all of 64 bits', () => {
  for (const [given, id] of [
    ['7', '7'],
    ['007', '7'],
    ['-7', '-7'],
    ['0x10', '16'],
    ['0x694DA20D6D27BC1F', '7587899125738748959'],
    ['0xffffffffffffffff', '-1'],
    ['9223372036854775807', '9223372036854775807'],
    ['-9223372036854775808', '-9223372036854775808'],
  ] as const) {
    assert.equal(leaseId(given, 'the lease'), id);
  }
});

test('what is none is refused, with the way to write hexadecimal', () => {
  for (const bad of ['', 'x', '1.5', '9223372036854775808', '0x', '0x10000000000000000']) {
    assert.throws(() => leaseId(bad, 'the lease'), /the lease is .*whole number of 64 bits/, bad);
  }
  assert.throws(() => leaseId('694da20d', '--lease'), /for hexadecimal write 0x694da20d/);
});
