import assert from 'node:assert/strict';
import test from 'node:test';
import { TableError } from './errors.ts';
import {
  formatError,
  formatNotification,
  formatRequest,
  formatResult,
  formatWatchEvents,
} from './frame.ts';
import { parseClientFrame } from './parse.ts';

const header = { clusterId: '1', memberId: '2', revision: 3, term: 4 };

test('[W-3] what is formatted as a request is parsed as the same call', () => {
  for (const id of [1, 'a "quoted" id', null]) {
    const params = { key: 'k\n', value: { base64: '/w==' } };
    const call = parseClientFrame(formatRequest(id, 'kv.put', params));
    assert.deepEqual(call, { id, method: 'kv.put', params, fault: undefined });
  }
});

test('[W-3] an answer has the id of its request, and a result or an error', () => {
  assert.deepEqual(JSON.parse(formatResult('x', { header })), {
    jsonrpc: '2.0',
    id: 'x',
    result: { header },
  });
  const error = new TableError('compacted', undefined, { compactRevision: 9 }).toWire();
  assert.deepEqual(JSON.parse(formatError(null, error)), { jsonrpc: '2.0', id: null, error });
});

test('[W-42] the error for what is compacted says up to where', () => {
  const error = new TableError('compacted', undefined, { compactRevision: 9 }).toWire();
  assert.equal(error.data.compactRevision, 9);
  assert.ok(!('compactRevision' in new TableError('timeout').toWire().data));
});

test('[W-32] a watch.events frame around a shared body equals one formatted whole', () => {
  const params = { watchIds: [1, 20], revision: 5, events: [] };
  assert.equal(
    formatWatchEvents(params.watchIds, '"revision":5,"events":[]'),
    formatNotification('watch.events', params),
  );
});
