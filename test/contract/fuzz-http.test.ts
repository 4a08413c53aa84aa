import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { test } from 'node:test';
import { errorTable, methodNames } from '@lockstep/client/protocol';
import fc from 'fast-check';
import { http, type OpenDoors, openDoors } from '../harness/doors.ts';
import { byteMutations, fuzz, fuzzRuns, joined, mutatedBytes } from '../harness/fuzz.ts';
import { sampleCalls } from '../harness/fuzz-calls.ts';
import { jsonMutations, mutatedJson } from '../harness/fuzz-json.ts';
import { closeOf } from '../harness/socket-close.ts';
import { assertTableError } from '../harness/wire-error-check.ts';

/** What a request can bring about: the rows of the table but those that blame the member, and what is no error. */
const statuses = new Set(
  Object.entries(errorTable)
    .filter(([code]) => code !== 'internal' && code !== 'corrupt')
    .map(([, { http: status }]) => status)
    .concat(200, 204, 304),
);

const words = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.constantFrom(
    '__proto__',
    'a',
    '%',
    '%zz',
    '%00',
    '%ff',
    '%ed%a0%80',
    '..',
    '//',
    '1e999',
    'true',
  ),
);
const paths = fc.oneof(
  fc.constantFrom(...methodNames).map((name) => `/v1/${name}`),
  fc.constantFrom(
    '/',
    '*',
    '/health',
    '/livez',
    '/readyz',
    '/version',
    '/metrics',
    '/v1/ws',
    '/v1/',
  ),
  words.map((word) => `/v1/kv/${word}`),
  fc.array(words, { maxLength: 4 }).map((parts) => `/${parts.join('/')}`),
  fc.constantFrom('/v1/watch', 'http://localhost/version', `/v1/kv/${'k'.repeat(70_000)}`),
);
const queryNames = fc.oneof(
  fc.constantFrom('prefix', 'rangeEnd', 'limit', 'revision', 'keysOnly', 'lease', 'prevKv'),
  fc.constantFrom('sortOrder', 'minRevision', 'startRevision', 'key', '__proto__', 'serializable'),
  words,
);
const queries = fc.oneof(
  fc.constant(''),
  fc
    .array(fc.tuple(queryNames, words), { maxLength: 4 })
    .map((pairs) => `?${pairs.map(([name, value]) => `${name}=${value}`).join('&')}`),
  words.map((word) => `?${word}`),
);
const headerValues = fc.oneof(
  fc.constantFrom(
    '',
    '0',
    '-1',
    '1',
    '1e3',
    '99999999999999999999',
    'gzip',
    'chunked',
    '100-continue',
  ),
  fc.constantFrom(
    'http://evil.example',
    'null',
    'localhost',
    'keep-alive',
    'upgrade',
    'h2c',
    '\xff',
  ),
  fc.string({ maxLength: 20 }),
);
const headers = fc.array(
  fc.tuple(
    fc.constantFrom(
      ...['host', 'origin', 'content-length', 'transfer-encoding', 'expect', 'last-event-id'],
      ...['connection', 'upgrade', 'if-none-match', 'content-type', 'range', 'sec-websocket-key'],
      ...['sec-websocket-version', 'sec-websocket-protocol', 'x-odd', 'te', 'trailer', 'accept'],
    ),
    headerValues,
  ),
  { maxLength: 4 },
);
const changes = fc.array(jsonMutations, { maxLength: 3 });
const bodies = fc.oneof(
  fc
    .tuple(fc.constantFrom(...sampleCalls), changes)
    .map(([{ params }, mutations]) => mutatedJson(params, mutations)),
  fc.string({ maxLength: 40 }),
  fc.constantFrom('', '{', '[]', 'null', '"\\ud800"'),
);
const methods = fc.constantFrom(
  ...['GET', 'GET', 'POST', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'TRACE', 'BREW'],
);

/** Well formed: a method with its params, changed, at the door that curl uses. */
const posts = fc.tuple(fc.constantFrom(...sampleCalls), changes);

test('[W-50] whatever params a method is posted, the answer is its result or a row of the table', async (t) => {
  const open = await openDoors(t);
  const seen = { ok: 0, refused: 0 };
  await fuzz(200, posts, async ([{ method, params }, mutations]) => {
    const body = mutatedJson(params, mutations);
    const { status, json, text } = await http(open, `/v1/${method}`, { method: 'POST', body });
    assert.deepEqual(open.internalErrors, []);
    if (status === 200) {
      seen.ok++;
      return;
    }
    seen.refused++;
    assert.ok(json?.error !== undefined, text.slice(0, 500));
    assertTableError(json.error, text.slice(0, 500));
    assert.equal(status, errorTable[json.error.data.code as keyof typeof errorTable].http);
  });
  const runs = fuzzRuns(200);
  assert.ok(seen.ok > runs / 20 && seen.refused > runs / 4, JSON.stringify(seen));
});

test('[W-52] a watch that is asked for with HEAD does not hold up the next request', async (t) => {
  const open = await openDoors(t);
  const head = (line: string) => `${line} HTTP/1.1\r\nhost: localhost\r\n`;
  const last = `${head('GET /livez')}connection: close\r\n\r\n`;
  const socket = connectTcp(open.doors.port, '127.0.0.1');
  t.after(() => socket.destroy());
  socket.write(`${head('HEAD /v1/watch?prefix=a')}\r\n${last}`);
  let text = '';
  for await (const chunk of socket) text += chunk;
  assert.match(text, /200 OK.*event-stream.*200 OK.*ok\n$/s);
  assert.equal(open.store.watchers, 0);
});

/** Everything that the member says to some bytes, after which nothing more is sent. */
async function said(open: OpenDoors, bytes: Uint8Array): Promise<string> {
  const socket = connectTcp(open.doors.port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  const closed = closeOf(socket);
  await once(socket, 'connect');
  socket.write(bytes);
  // Who is answered later than these bytes came shows that they were looked at: twice, for what takes a turn.
  for (let turn = 0; turn < 2; turn++) await http(open, '/livez');
  socket.end();
  await closed;
  return Buffer.concat(chunks).toString('latin1');
}

const requests = fc
  .tuple(methods, paths, queries, headers, bodies, fc.boolean())
  .map(([method, path, query, list, body, chunked]) => {
    const own = chunked
      ? ['transfer-encoding: chunked']
      : [`content-length: ${Buffer.byteLength(body)}`];
    const lines = [
      `${method} ${path}${query} HTTP/1.1`,
      'host: localhost',
      ...own,
      ...list.map(([name, value]) => `${name}: ${value}`),
    ];
    const sent = chunked ? `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n` : body;
    return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${sent}`, 'utf8');
  });

test('[W-55] whatever bytes come to the port, every answer has a status of the table, and none is 500', async (t) => {
  const open = await openDoors(t, { allowOrigins: ['*'] });
  const streams = fc.oneof(
    { weight: 5, arbitrary: requests },
    {
      weight: 4,
      arbitrary: fc
        .tuple(requests, fc.array(byteMutations, { minLength: 1, maxLength: 3 }))
        .map(([bytes, mutations]) => mutatedBytes(bytes, mutations)),
    },
    { weight: 2, arbitrary: fc.array(requests, { maxLength: 3 }).map((list) => joined(...list)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  );
  const seen = new Map<number, number>();
  await fuzz(250, streams, async (bytes) => {
    const text = await said(open, bytes);
    assert.deepEqual(open.internalErrors, []);
    for (const [, digits] of text.matchAll(/(?:^|\n)HTTP\/1\.1 (\d{3})[ \r]/g)) {
      const status = Number(digits);
      if (status === 100 || status === 101) continue;
      assert.ok(statuses.has(status), `${status}: ${text.slice(0, 500)}`);
      seen.set(status, (seen.get(status) ?? 0) + 1);
    }
    assert.ok(text === '' || text.startsWith('HTTP/1.1 '), text.slice(0, 500));
  });
  for (const status of [200, 400, 404, 405]) assert.ok((seen.get(status) ?? 0) > 0, `no ${status}`);
  assert.equal((await http(open, '/livez')).text, 'ok\n');
  assert.deepEqual(open.doors.counts(), { webSockets: 0, unsentBytes: 0 });
});
