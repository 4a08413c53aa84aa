import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WatchEvent } from '@lockstep/client';
import type { WireKeyValue } from '@lockstep/client/protocol';
import { eventEnvironment } from './event-environment.ts';

const kv: WireKeyValue = { key: 'a', value: 'hi', createRevision: 5, modRevision: 7, version: 2 };

function of(event: Partial<WireKeyValue>, before?: string): Record<string, string> {
  const prevKv = before === undefined ? {} : { prevKv: { ...kv, value: before } };
  return eventEnvironment(new WatchEvent({ type: 'put', kv: { ...kv, ...event }, ...prevKv }), {});
}

test('a put has everything, in our words and in those of etcdctl', () => {
  assert.deepEqual(of({ lease: '16' }, 'ho'), {
    LOCKSTEP_EVENT_TYPE: 'put',
    LOCKSTEP_KEY: 'a',
    LOCKSTEP_VALUE: 'hi',
    LOCKSTEP_VALUE_BYTES: '2',
    LOCKSTEP_PREV_VALUE: 'ho',
    LOCKSTEP_REVISION: '7',
    LOCKSTEP_CREATE_REVISION: '5',
    LOCKSTEP_VERSION: '2',
    LOCKSTEP_LEASE: '16',
    ETCD_WATCH_EVENT_TYPE: '"PUT"',
    ETCD_WATCH_KEY: '"a"',
    ETCD_WATCH_VALUE: '"hi"',
    ETCD_WATCH_REVISION: '7',
  });
});

test('a delete has no value and no create revision', () => {
  const gone = { key: 'a', value: '', createRevision: 0, modRevision: 9, version: 0 };
  assert.deepEqual(eventEnvironment(new WatchEvent({ type: 'delete', kv: gone }), {}), {
    LOCKSTEP_EVENT_TYPE: 'delete',
    LOCKSTEP_KEY: 'a',
    LOCKSTEP_VALUE_BYTES: '0',
    LOCKSTEP_REVISION: '9',
    LOCKSTEP_VERSION: '0',
    LOCKSTEP_LEASE: '0',
    ETCD_WATCH_EVENT_TYPE: '"DELETE"',
    ETCD_WATCH_KEY: '"a"',
    ETCD_WATCH_VALUE: '""',
    ETCD_WATCH_REVISION: '9',
  });
});

test('what an environment cannot hold is left out, and nothing is cut', () => {
  const bytes = of({ key: { base64: 'gP8=' }, value: { base64: '/wA=' } });
  assert.deepEqual(
    [
      bytes.LOCKSTEP_KEY,
      bytes.LOCKSTEP_KEY_BASE64,
      bytes.LOCKSTEP_VALUE,
      bytes.LOCKSTEP_VALUE_BYTES,
    ],
    [undefined, 'gP8=', undefined, '2'],
  );
  assert.equal(bytes.ETCD_WATCH_VALUE, '"\\xff\\x00"');
  assert.equal(of({ value: 'a\0b' }).LOCKSTEP_VALUE, undefined);
  assert.equal(of({ value: 'x'.repeat(65_536) }).LOCKSTEP_VALUE?.length, 65_536);
  const large = of({ value: 'x'.repeat(65_537) }, 'y'.repeat(65_537));
  assert.deepEqual(
    [large.LOCKSTEP_VALUE, large.LOCKSTEP_PREV_VALUE, large.ETCD_WATCH_VALUE],
    [undefined, undefined, undefined],
  );
  assert.equal(large.LOCKSTEP_VALUE_BYTES, '65537');
});

test('what an event does not have does not come from outside, and the rest does', () => {
  const event = new WatchEvent({ type: 'put', kv: { ...kv, value: 'a\0b' } });
  const outside = {
    PATH: '/bin',
    LOCKSTEP_VALUE: 'old',
    ETCD_WATCH_VALUE: 'old',
    LOCKSTEP_ENDPOINTS: 'e',
  };
  const found = eventEnvironment(event, { ...outside, GONE: undefined });
  assert.deepEqual(
    [found.PATH, found.LOCKSTEP_ENDPOINTS, found.LOCKSTEP_VALUE, found.ETCD_WATCH_VALUE],
    ['/bin', 'e', undefined, '"a\\x00b"'],
  );
  assert.ok(!('GONE' in found));
});
