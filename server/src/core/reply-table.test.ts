import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type OnceOutcome, ReplyTable, type ReplyTableOptions } from './reply-table.ts';

function once(clientId: string, sequence: number, ackedBelow = 1) {
  return { clientId, sequence, ackedBelow };
}

/** A table in which client `a` is registered. */
function tableOf(options: ReplyTableOptions = {}): ReplyTable<string> {
  const table = new ReplyTable<string>(options);
  table.register('a', 1);
  return table;
}

/** Runs the mutation if the table says so, with a reply that names it. */
function send(
  table: ReplyTable<string>,
  mark: ReturnType<typeof once>,
  index: number,
  bytes = 10,
): OnceOutcome<string> {
  const outcome = table.begin(mark, index);
  if (outcome.outcome === 'run') table.record(mark, `reply ${mark.sequence}`, index, bytes);
  return outcome;
}

const run = { outcome: 'run' };
const expired = { outcome: 'refused', code: 'client_expired' };
const evicted = { outcome: 'refused', code: 'reply_evicted' };

describe('a mutation', () => {
  test('is run the first time, and afterwards its reply is replayed', () => {
    const table = tableOf();
    assert.deepEqual(send(table, once('a', 1), 2), run);
    const replay = { outcome: 'replay', reply: 'reply 1', revision: 2 };
    assert.deepEqual(send(table, once('a', 1), 3), replay);
    assert.deepEqual(send(table, once('a', 1), 4), replay);
  });

  test('of a client that is not known is refused', () => {
    assert.deepEqual(send(tableOf(), once('b', 1), 2), expired);
  });

  test('may be run after one with a higher number', () => {
    const table = tableOf();
    for (const sequence of [3, 1, 2]) assert.deepEqual(send(table, once('a', sequence), 9), run);
    assert.deepEqual(
      table.view()[0]?.replies.map(({ sequence }) => sequence),
      [1, 2, 3],
    );
    for (const sequence of [3, 1, 2]) {
      assert.equal(send(table, once('a', sequence), 9).outcome, 'replay');
    }
  });

  test('below what was acknowledged is refused, whatever is acknowledged later', () => {
    const table = tableOf();
    for (const sequence of [1, 2, 3]) send(table, once('a', sequence), 2);
    assert.deepEqual(send(table, once('a', 4, 3), 3), run);
    assert.deepEqual(send(table, once('a', 2, 1), 4), evicted);
    assert.equal(send(table, once('a', 3, 1), 5).outcome, 'replay');
    assert.equal(table.view()[0]?.ackedBelow, 3);
  });

  test('with a reply that is too large is kept as its revision only', () => {
    const table = tableOf({ replyBytesMax: 100 });
    send(table, once('a', 1), 7, 100);
    send(table, once('a', 2), 8, 101);
    assert.equal(send(table, once('a', 1), 9).outcome, 'replay');
    assert.deepEqual(send(table, once('a', 2), 9), { ...evicted, revision: 8 });
    assert.equal(table.bytes, 100);
  });

  test('is not run twice: recording it again is a broken invariant', () => {
    const table = tableOf();
    send(table, once('a', 1), 2);
    assert.throws(() => table.record(once('a', 1), 'again', 3, 1), /run twice/);
    assert.throws(() => table.record(once('b', 1), 'unknown', 3, 1), /is not known/);
  });

  test('is refused while too many replies are kept, and run once some are acknowledged', () => {
    const table = tableOf({ repliesMax: 2 });
    send(table, once('a', 1), 2);
    send(table, once('a', 2), 2);
    const refused = { outcome: 'refused', code: 'too_many_requests' };
    assert.deepEqual(send(table, once('a', 3), 3), refused);
    assert.equal(send(table, once('a', 2), 4).outcome, 'replay');
    assert.deepEqual(send(table, once('a', 3, 2), 5), run);
  });
});

test('the bounds are those of the wire by default', () => {
  const table = tableOf();
  for (let sequence = 1; sequence <= 256; sequence++) send(table, once('a', sequence), 2);
  assert.equal(send(table, once('a', 257), 3).outcome, 'refused');
  assert.deepEqual(send(table, once('a', 257, 257), 3, 16 * 1024), run);
  assert.deepEqual(send(table, once('a', 258, 257), 3, 16 * 1024 + 1), run);
  assert.equal(send(table, once('a', 257, 257), 4).outcome, 'replay');
  assert.equal(send(table, once('a', 258, 257), 4).outcome, 'refused');
  for (let at = 1; at < 10_000; at++) table.register(`client ${at}`, 5);
  assert.equal(table.size, 10_000);
  assert.equal(send(table, once('a', 257, 257), 6).outcome, 'replay');
  table.register('one more', 7);
  assert.equal(table.size, 10_000);
  assert.deepEqual(send(table, once('client 1', 1), 8), expired);
});

test('all replies together have a bound, beyond which a reply is kept as its revision only', () => {
  const table = tableOf({ bytesMax: 25 });
  for (const sequence of [1, 2, 3]) send(table, once('a', sequence), 2);
  assert.deepEqual(send(table, once('a', 3), 3), { ...evicted, revision: 2 });
  send(table, once('a', 4, 2), 4);
  assert.equal(send(table, once('a', 4, 2), 5).outcome, 'replay');
  assert.equal(table.bytes, 20);
  table.register('a', 6);
  assert.equal(table.bytes, 20);
});

describe('the client that was idle longest is forgotten', () => {
  test('where every mutation counts as activity, refused and replayed ones too', () => {
    const table = new ReplyTable<string>({ clientsMax: 3, repliesMax: 1 });
    for (const [at, clientId] of ['a', 'b', 'c'].entries()) table.register(clientId, at);
    send(table, once('a', 1), 3);
    send(table, once('b', 1), 4);
    send(table, once('a', 1), 5);
    send(table, once('b', 2), 6);
    table.register('d', 7);
    assert.deepEqual(send(table, once('c', 1), 8), expired);
    table.register('e', 9);
    assert.deepEqual(send(table, once('a', 2), 10), expired);
    assert.equal(table.bytes, 10, 'the replies of who is forgotten do not count');
    assert.deepEqual(
      table.view().map(({ clientId, lastActive }) => [clientId, lastActive]),
      [
        ['b', 6],
        ['d', 7],
        ['e', 9],
      ],
    );
  });

  test('also after a snapshot, whose records may come in any order', () => {
    const table = new ReplyTable<string>({ clientsMax: 3 });
    for (const [at, clientId] of ['c', 'b', 'a'].entries()) table.register(clientId, at);
    send(table, once('c', 1), 5);
    const restored = new ReplyTable<string>({ clientsMax: 3 });
    restored.register('old', 1);
    send(restored, once('old', 1), 2);
    restored.restore(table.view().reverse());
    assert.deepEqual(restored.view(), table.view());
    assert.equal(restored.bytes, table.bytes);
    restored.register('d', 6);
    assert.deepEqual(send(restored, once('b', 1), 7), expired);
    assert.equal(send(restored, once('c', 1), 8).outcome, 'replay');
  });
});

test('a client that registers again keeps its replies', () => {
  const table = tableOf();
  send(table, once('a', 1), 2);
  table.register('a', 3);
  assert.equal(table.size, 1);
  assert.equal(send(table, once('a', 1), 4).outcome, 'replay');
});

const someStep = fc.record({
  client: fc.nat(4),
  sequence: fc.integer({ min: 1, max: 12 }),
  acked: fc.integer({ min: 1, max: 12 }),
  bytes: fc.integer({ min: 1, max: 12 }),
  register: fc.boolean(),
  copy: fc.boolean(),
});

test('whatever is sent, nothing is run twice while its client is known, and views do not change', () => {
  fc.assert(
    fc.property(fc.array(someStep, { maxLength: 200 }), (steps) => {
      const options = { clientsMax: 3, repliesMax: 4, replyBytesMax: 10, bytesMax: 60 };
      let table = new ReplyTable<string>(options);
      let registered = 0;
      const names = new Map<number, string>();
      const ran = new Set<string>();
      const views: [text: string, view: unknown][] = [];
      for (const [index, { client, sequence, acked, bytes, register, copy }] of steps.entries()) {
        if (register) {
          const clientId = `${client} of ${registered++}`;
          names.set(client, clientId);
          table.register(clientId, index);
        }
        const clientId = names.get(client) ?? 'nobody';
        const known = table.view().find((record) => record.clientId === clientId);
        const mark = once(clientId, sequence, Math.min(acked, sequence));
        const outcome = send(table, mark, index, bytes);
        const expectExpired = outcome.outcome === 'refused' && outcome.code === 'client_expired';
        assert.equal(expectExpired, known === undefined);
        if (outcome.outcome === 'run') {
          assert(!ran.has(`${clientId}/${sequence}`), 'run twice');
          ran.add(`${clientId}/${sequence}`);
        }
        if (outcome.outcome === 'replay') assert.equal(outcome.reply, `reply ${sequence}`);
        const view = table.view();
        views.push([JSON.stringify(view), view]);
        assert(view.length <= 3);
        const kept = view.flatMap(({ replies }) => replies);
        assert.equal(
          table.bytes,
          kept.reduce((total, reply) => total + reply.bytes, 0),
        );
        assert(table.bytes <= 60);
        if (copy) {
          table = new ReplyTable<string>(options);
          table.restore(view);
          assert.deepEqual(table.view(), view);
        }
      }
      for (const [text, view] of views) assert.equal(JSON.stringify(view), text);
    }),
  );
});
