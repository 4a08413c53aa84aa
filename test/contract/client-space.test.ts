import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ConflictError,
  codecs,
  DecodeError,
  deleteKey,
  KeyExistsError,
  Space,
  type StandardSchema,
} from '@lockstep/client';
import { createTestCluster } from '@lockstep/server/testing';
import { connect, startMember } from '../harness/clients.ts';
import { noUnhandledRejections } from '../harness/unhandled.ts';

interface Port {
  readonly port: number;
}

/** As a library of schemas would give it. */
const portSchema: StandardSchema<Port> = {
  '~standard': {
    version: 1,
    vendor: 'a test',
    validate: (value) => {
      const port = (value as { port?: unknown } | null)?.port;
      if (typeof port === 'number') return { value: { port } };
      return { issues: [{ message: 'must be a number', path: ['port', { key: 0 }] }] };
    },
  },
};

test('a space never shows its prefix, and nothing outside of it', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  for (const key of ['b', 'app', 'app/x', 'app0', 'z']) member.store.put(key, 'outside');
  await client.delete('app/x');
  const space = new Space(client, 'app/', codecs.text);
  const watch = space.watch({ initial: true });
  const events = watch[Symbol.asyncIterator]();
  await space.put('one', '1');
  await space.put('two', '2');
  const seen = [(await events.next()).value, (await events.next()).value];
  assert.deepEqual(
    seen.map((event) => [event?.key, event?.entry?.key, event?.entry?.value]),
    [
      ['one', 'one', '1'],
      ['two', 'two', '2'],
    ],
  );
  assert.deepEqual(
    (await space.list()).map(({ key }) => key),
    ['one', 'two'],
  );
  assert.deepEqual(
    (await space.list({ from: 'p' })).map(({ key }) => key),
    ['two'],
  );
  assert.deepEqual(
    (await space.list({ from: '', to: 'p' })).map(({ key }) => key),
    ['one'],
  );
  assert.equal((await space.get('one'))?.key, 'one');
  assert.equal(await space.get('x'), undefined);
  const inner = space.space('in/', codecs.text);
  await inner.put('k', 'v');
  assert.equal((await client.get('app/in/k'))?.value, 'v');
  assert.equal((await space.delete({ prefix: '' })).deleted, 3);
  assert.equal((await client.range({ prefix: '' })).count, 4);
});

test('a watch of a space with only an upper bound is bounded, and prefix and bounds are not mixed', async (t) => {
  const member = await startMember(t);
  const space = new Space(connect(t, member), 'app/', codecs.text);
  const watch = space.watch({ to: 'm' });
  await watch.ready();
  await space.put('z', 'beyond');
  await space.put('a', 'within');
  assert.equal((await watch[Symbol.asyncIterator]().next()).value?.key, 'a');
  assert.throws(() => space.watch({ prefix: 'a', to: 'm' }), /give a prefix, or from and to/);
});

test('a key that is no text does not end the watch of its space', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  const watch = new Space(client, 'app/', codecs.text).watch();
  const events = watch[Symbol.asyncIterator]();
  await watch.ready();
  await client.put(Uint8Array.of(...new TextEncoder().encode('app/'), 0xff), 'v');
  await client.put('app/good', 'v');
  const alien = (await events.next()).value;
  assert.throws(() => alien?.key, { code: 'not_text' });
  assert.equal((await events.next()).value?.key, 'good');
});

test('a value that cannot be read is told with its key and bytes, and only when it is asked for', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  const space = new Space(client, 'app/', codecs.json<number>());
  await client.put('app/bad', 'no json');
  await space.put('good', 1);
  const entries = await space.list();
  assert.deepEqual(
    entries.map(({ key }) => key),
    ['bad', 'good'],
  );
  assert.equal(entries[1]?.value, 1);
  assert.throws(
    () => entries[0]?.value,
    (error: Error) => {
      assert.ok(error instanceof DecodeError);
      assert.equal(error.key, 'app/bad');
      assert.equal(new TextDecoder().decode(error.bytes), 'no json');
      assert.ok(error.cause instanceof SyntaxError);
      return true;
    },
  );
});

test('a codec that throws ends the call before anything is written', async (t) => {
  const member = await startMember(t);
  const throwing = { encode: () => assert.fail('cannot'), decode: () => assert.fail('cannot') };
  const space = new Space<number>(connect(t, member), 'app/', throwing);
  const failing = [
    space.put('a', 1),
    space.create('a', 1),
    space.update('a', 1, { ifRevision: 1 }),
    space.modify('a', () => 1),
  ];
  for (const call of failing) {
    await assert.rejects(call, (error: Error) => {
      assert.ok(error instanceof DecodeError);
      assert.match(error.message, /the value for "app\/a" cannot be written: cannot/);
      return true;
    });
  }
  assert.throws(() => space.op.put('a', 1), DecodeError);
  assert.equal(member.store.revision, 1);
  await assert.rejects(
    new Space(space.client, '', codecs.json()).put('a', undefined),
    /no JSON form/,
  );
});

test('a schema is held against what is written and what is read', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  const space = new Space(client, 'app/', codecs.schema(portSchema));
  await space.put('a', { port: 1 });
  await client.put('app/b', '{"port":"x"}');
  assert.deepEqual((await space.get('a'))?.value, { port: 1 });
  const bad = await space.get('b');
  assert.throws(() => bad?.value, /"app\/b" cannot be read: port\.0: must be a number/);
  const wrong = { port: 'x' } as unknown as Port;
  await assert.rejects(space.put('c', wrong), /cannot be written: port\.0: must be a number/);
});

test('an asynchronous schema is refused, and its failure is not left unhandled', async (t) => {
  noUnhandledRejections(t);
  const validate = (): Promise<never> => Promise.reject(new Error('later'));
  const later = codecs.schema<number>({ '~standard': { version: 1, vendor: 'a test', validate } });
  const space = new Space(connect(t, await startMember(t)), '', later);
  await assert.rejects(space.put('a', 1), /the schema is asynchronous; a codec cannot wait/);
});

test('create and update write only what is as the caller says, and name what was', async (t) => {
  const member = await startMember(t);
  const space = new Space(connect(t, member), 'app/', codecs.bytes);
  const { revision } = await space.create('a', Uint8Array.of(1));
  await assert.rejects(space.create('a', Uint8Array.of(2)), (error: Error) => {
    assert.ok(error instanceof KeyExistsError);
    assert.equal(error.modRevision, revision);
    return true;
  });
  const updated = await space.update('a', Uint8Array.of(3), { ifRevision: revision });
  await assert.rejects(
    space.update('a', Uint8Array.of(4), { ifRevision: revision }),
    (error: Error) => {
      assert.ok(error instanceof ConflictError);
      assert.equal(error.modRevision, updated.revision);
      return true;
    },
  );
  await space.delete('a');
  const gone = space.update('a', Uint8Array.of(4), { ifRevision: revision });
  await assert.rejects(gone, /"app\/a" is gone, not/);
});

test('clients that modify one key at the same time lose no change, also when answers are lost', async (t) => {
  const cluster = await createTestCluster();
  t.after(() => cluster.close());
  const spaces = Array.from({ length: 8 }, () => {
    return new Space(cluster.client({ callTimeoutMs: 60_000 }), '', codecs.json<number>());
  });
  const lost = cluster.dropReplies(10);
  const increments = spaces.map(async (space) => {
    for (let round = 0; round < 10; round++) await space.modify('n', (n = 0) => n + 1);
  });
  await cluster.advanceUntil(Promise.all(increments), 600_000);
  assert.equal(lost.count, 10);
  assert.equal((await spaces[0]?.get('n'))?.value, 80);
});

test('modify keeps the lease, deletes, leaves alone, and ends with what its function throws', async (t) => {
  const member = await startMember(t);
  const client = connect(t, member);
  const { id } = await client.leases.grant({ ttl: 60 });
  await client.put('a', '1', { lease: id });
  const { kv } = await client.modify('a', (current) => `${current?.value}+`);
  assert.deepEqual([kv?.value, kv?.lease], ['1+', id]);
  const before = member.store.revision;
  assert.equal((await client.modify('a', () => undefined)).kv?.value, '1+');
  assert.equal((await client.modify('none', () => deleteKey)).kv, undefined);
  await assert.rejects(
    client.modify('a', () => assert.fail('no')),
    /no/,
  );
  assert.equal(member.store.revision, before);
  assert.equal((await client.modify('a', () => deleteKey)).kv, undefined);
  assert.equal(await client.get('a'), undefined);
});
