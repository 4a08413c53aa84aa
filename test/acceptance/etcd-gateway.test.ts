/** The JSON gateway of etcd 3.4 and ours: asked the same, they answer the same, but for what is listed with a reason. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { http, temporaryDirectory } from '../harness/processes.ts';
import { MemberProcess, planMembers } from '../harness/real-cluster.ts';
import { EtcdProcess } from './etcd-comparison/etcd-process.ts';
import { JsonDoor } from './etcd-comparison/json-door.ts';

const hasEtcd = spawnSync('etcd', ['--version']).status === 0;
/** Skipped where there is no etcd to compare with; in CI, which installs it, a skipped test is a failure. */
const skip = hasEtcd ? false : "etcd is missing; Debian's package is etcd-server";

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

interface Seen {
  readonly status: number;
  readonly json: Json;
}

interface Allowed {
  readonly reason: string;
  allows(etcd: Seen, own: Seen): boolean;
}

const codeOf = ({ json }: Seen): Json | undefined =>
  typeof json === 'object' && json !== null && !Array.isArray(json) ? json.code : undefined;

/** Where the two may differ, and why. */
const allowed = {
  words: {
    reason:
      "What is no JSON, or not of the message, is refused in our words, not in those of Go's library.",
    allows: (etcd, own) => etcd.status === own.status && codeOf(etcd) === codeOf(own),
  },
  streamStatus: {
    reason:
      'etcd answers a stream whose first request is malformed with 500, as if the fault were its own; ours is 400.',
    allows: (etcd, own) => etcd.status === 500 && own.status === 400 && codeOf(own) === 3,
  },
  lenientBase64: {
    reason:
      'Base64 without padding or of the alphabet for URLs is taken, where etcd 3.4 refuses it (3.6 takes both).',
    allows: (etcd, own) => etcd.status === 400 && own.status === 200,
  },
  wholeNumbers: {
    reason: 'A whole number written as 1e1 is taken, where etcd refuses it.',
    allows: (etcd, own) => etcd.status === 400 && own.status === 200,
  },
  nowhere: {
    reason:
      'A path or a verb that there is not is refused with JSON that says what there is, where etcd sends plain text.',
    allows: (etcd, own) => etcd.status === own.status,
  },
  header: {
    reason: 'Ours has a whole header where that of etcd 3.4 is empty or lacks the revision.',
    allows: (etcd, own) =>
      etcd.status === own.status && isEqual(withoutHeaders(etcd.json), withoutHeaders(own.json)),
  },
  sortOrder: {
    reason:
      'A sort order that there is not is passed over by etcd 3.4, and refused by etcd since then.',
    allows: (etcd, own) => etcd.status === 200 && own.status === 400,
  },
  leaseOrder: {
    reason: 'etcd lists leases by the time that they have left, which is nothing to rely on.',
    allows: (etcd, own) => isEqual(sortedLeases(etcd.json), sortedLeases(own.json)),
  },
  member: {
    reason: 'Name and addresses of a member are its own.',
    allows: (etcd, own) => isEqual(shapeOf(etcd.json), shapeOf(own.json)),
  },
  newer: {
    reason: 'etcd 3.4 has no such path yet; ours are those of 3.6.',
    allows: (etcd) => etcd.status === 404,
  },
  disk: {
    reason: 'Sizes, versions and hashes are of the store, not of its API.',
    allows: (etcd, own) => etcd.status === own.status,
  },
} satisfies Record<string, Allowed>;

type Row = readonly [path: string, body: unknown, ...may: (keyof typeof allowed)[]];

const [a, b] = [btoa('a'), btoa('b')];

/** Asked in this order. A body that is a string is sent as it is. */
const rows: readonly Row[] = [
  ['kv/range', { key: a }],
  ['kv/put', { key: a, value: btoa('1') }],
  ['kv/put', { key: a, value: btoa('2'), prev_kv: true }],
  ['kv/put', { key: a, prevKv: true, ignore_value: true }],
  ['kv/put', { key: a, value: btoa('3'), ignore_value: true }],
  ['kv/put', {}],
  ['kv/put', ''],
  ['kv/put', { key: b, lease: '99' }],
  ['kv/range', { key: a, limit: '5' }],
  ['kv/range', { key: a, limit: 5, rangeEnd: btoa('z') }],
  ['kv/range', { key: a, range_end: btoa('z'), sort_order: 'DESCEND', sort_target: 'MOD' }],
  ['kv/range', { key: a, sort_order: 1, sort_target: 3, keys_only: true }],
  // An unknown target would end etcd 3.4.
  ['kv/range', { key: a, sort_order: 17 }, 'sortOrder'],
  ['kv/range', { key: a, count_only: true, serializable: true }],
  ['kv/range', { key: a, revision: '2' }],
  ['kv/range', { key: a, revision: '99' }],
  ['kv/range', { key: a, unknown: { deep: [1] } }],
  ['kv/range', { key: a, limit: null }],
  ['kv/range', `{"key":"${a}"} and more`],
  ['kv/range?limit=3', { key: a }],
  ['kv/range', '{"key":', 'words'],
  ['kv/range', '[]', 'words'],
  ['kv/range', 'key=a', 'words'],
  ['kv/range', { key: 5 }, 'words'],
  ['kv/range', { key: 'a!' }, 'words'],
  ['kv/range', { key: a, limit: 'x' }, 'words'],
  ['kv/range', { key: a, limit: 1.5 }, 'words'],
  ['kv/range', `{"key":"${a}","limit":99999999999999999999}`, 'words'],
  ['kv/range', { key: a, sort_order: 'SIDEWAYS' }, 'words'],
  ['kv/range', { key: a, serializable: 'true' }, 'words'],
  ['kv/range', { key: 'YQ' }, 'lenientBase64'],
  ['kv/range', { key: '-_8=' }, 'lenientBase64'],
  ['kv/range', `{"key":"${a}","limit":1e1}`, 'wholeNumbers'],
  [
    'kv/txn',
    {
      compare: [{ key: a, target: 'VALUE', value: btoa('2') }],
      success: [
        { request_range: { key: a } },
        { requestPut: { key: b, value: btoa('x'), prev_kv: true } },
        { request_delete_range: { key: btoa('c'), prev_kv: true } },
      ],
    },
  ],
  ['kv/txn', { compare: [{ key: a, target: 'CREATE', create_revision: 0, result: 'GREATER' }] }],
  [
    'kv/txn',
    {
      compare: [{ key: a, target: 'LEASE', lease: '5' }],
      failure: [{ request_range: { key: a } }],
    },
  ],
  ['kv/txn', { compare: [{ key: a, version: '3' }] }],
  [
    'kv/txn',
    { success: [{ request_txn: { success: [{ request_range: { key: a } }] } }] },
    'header',
  ],
  ['kv/txn', { success: [{}] }],
  ['kv/txn', { success: [{ request_put: { key: a } }, { request_put: { key: a } }] }],
  ['kv/txn', { compare: {} }, 'words'],
  ['kv/txn', {}],
  ['kv/deleterange', { key: b, prev_kv: true }],
  ['kv/deleterange', { key: b }],
  ['kv/compaction', { revision: '99' }],
  ['kv/compaction', { revision: '3' }],
  ['kv/compaction', { revision: '3' }],
  ['kv/range', { key: a, revision: 2 }],
  ['lease/grant', { TTL: '1000', ID: '77' }],
  ['lease/grant', { TTL: 1000, ID: 7587862094951 }],
  ['lease/grant', '{"TTL":1000,"ID":7587862094951490563}'],
  ['lease/grant', { TTL: '1000', ID: '77' }],
  ['lease/grant', { TTL: '10000000000', ID: '5' }],
  ['lease/grant', { TTL: 'x' }, 'words'],
  ['kv/put', { key: b, lease: 77 }],
  ['kv/lease/timetolive', { ID: 78, keys: true }],
  ['lease/leases', {}, 'leaseOrder'],
  ['kv/lease/leases', {}, 'leaseOrder'],
  ['lease/keepalive', { ID: '77' }],
  ['lease/keepalive', '{"ID":77}{"ID":"7"}'],
  ['lease/keepalive', ''],
  ['lease/keepalive', '{"ID":', 'streamStatus'],
  ['lease/keepalive', '[]', 'streamStatus'],
  ['watch', '{"create_request":{"key":"a!"}}', 'streamStatus'],
  ['kv/lease/revoke', { ID: '7587862094951490563' }],
  ['lease/revoke', { ID: 4 }],
  ['lock/lock', { name: btoa('l'), lease: 77 }],
  ['lock/unlock', { key: btoa('l/4d') }],
  ['election/leader', { name: btoa('e') }],
  ['election/campaign', { name: btoa('e'), lease: '77', value: btoa('me') }],
  ['election/leader', { name: btoa('e') }],
  ['election/proclaim', { value: a }],
  ['election/resign', {}],
  ['maintenance/alarm', {}, 'header'],
  ['maintenance/alarm', { action: 'GET', alarm: 'NOSPACE' }, 'header'],
  ['maintenance/status', {}, 'disk'],
  ['maintenance/hash', {}, 'disk'],
  ['maintenance/hashkv', {}, 'newer'],
  ['maintenance/downgrade', {}, 'newer'],
  ['maintenance/defragment', {}, 'header'],
  ['maintenance/transfer-leadership', { targetID: 5 }],
  ['cluster/member/list', {}, 'member'],
  ['cluster/member/add', {}],
  ['cluster/member/remove', { ID: 5 }],
  ['cluster/member/update', { ID: 5, peerURLs: ['http://127.0.0.1:1'] }],
  ['cluster/member/promote', { ID: 5 }],
  ['auth/status', {}, 'newer'],
  ['auth/enable', {}],
  ['auth/disable', {}],
  ['auth/authenticate', { name: 'root' }],
  ['auth/user/list', {}],
  ['auth/role/list', {}],
  ['auth/user/get', { name: 'u' }],
  ['auth/role/get', { role: 'r' }],
  ['kv/rang', {}, 'nowhere'],
  ['kv/range/', {}, 'nowhere'],
  ['', {}, 'nowhere'],
];

function withoutHeaders(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutHeaders);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== 'header')
      .map(([name, inner]) => [name, withoutHeaders(inner)]),
  );
}

function sortedLeases(value: Json): Json {
  const { leases = [], ...others } = value as { readonly leases?: { readonly ID: string }[] };
  return { ...others, leases: leases.map(({ ID }) => ID).sort() };
}

/** The names of all fields, without the header. */
function shapeOf(value: Json): Json {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== 'object' || value === null) return typeof value;
  const fields = Object.entries(value).filter(([name]) => name !== 'header');
  return Object.fromEntries(fields.map(([name, inner]) => [name, shapeOf(inner)]));
}

/** What differs between any two clusters. */
const ownFields = new Set(['cluster_id', 'member_id', 'raft_term']);

function neutral(value: Json): Json {
  if (Array.isArray(value)) return value.map(neutral);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !ownFields.has(name))
      .map(([name, inner]) => [name, neutral(inner)]),
  );
}

/** One object, or lines of them; text as it is. */
function parse(body: string): Json {
  try {
    const lines = body.split('\n').filter((line) => line !== '');
    const values = lines.map((line) => neutral(JSON.parse(line)));
    return values.length === 1 ? (values[0] ?? null) : values;
  } catch {
    return body;
  }
}

describe('the gateway of etcd and ours', { skip }, () => {
  let etcd: EtcdProcess;
  let own: MemberProcess;

  before(async () => {
    etcd = await EtcdProcess.start(join(temporaryDirectory(), 'etcd'));
    const [plan] = await planMembers(1);
    assert(plan !== undefined);
    own = new MemberProcess(plan);
    own.start();
    await own.ready();
  });
  after(() => Promise.all([etcd?.kill(), own?.kill()]));

  const both = async <Found>(ask: (address: string) => Promise<Found>) =>
    [await ask(etcd.address), await ask(own.address)] as const;

  test('each request has the same answer, but for what is allowed', async (t) => {
    const used = new Set<string>();
    const faults: string[] = [];
    for (const [path, body, ...may] of rows) {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const [theirs, ours] = await both(async (address): Promise<Seen> => {
        const answer = await http(address, `/v3/${path}`, { method: 'POST', body: text });
        return { status: answer.status, json: parse(answer.body) };
      });
      const isSame = isEqual(theirs, ours);
      const rule = isSame ? undefined : may.find((name) => allowed[name].allows(theirs, ours));
      if (rule !== undefined) used.add(rule);
      else if (!isSame) {
        faults.push(
          `${path} ${text}\n  etcd ${JSON.stringify(theirs)}\n  own  ${JSON.stringify(ours)}`,
        );
      }
    }
    for (const name of used)
      t.diagnostic(`${name}: ${allowed[name as keyof typeof allowed].reason}`);
    assert.equal(faults.join('\n'), '');
  });

  test('verbs other than POST are refused alike', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
      const [theirs, ours] = await both((address) => http(address, '/v3/kv/range', { method }));
      assert.deepEqual([theirs.status, ours.status], [405, 405], method);
    }
  });

  test('the pages of probes answer in the same form', async () => {
    const [theirs, ours] = await both((address) => http(address, '/version'));
    for (const name of Object.keys(JSON.parse(theirs.body))) {
      assert.match(JSON.parse(ours.body)[name], /^3\.\d+\.\d+$/, name);
    }
    for (const query of ['', '?serializable=true', '?exclude=NOSPACE']) {
      const [one, other] = await both((address) => http(address, `/health${query}`));
      assert.deepEqual([one.status, JSON.parse(one.body).health], [200, 'true']);
      // The reason came with etcd 3.5.
      assert.deepEqual(
        [other.status, JSON.parse(other.body)],
        [200, { health: 'true', reason: '' }],
      );
    }
  });

  test('a watch over HTTP tells the same lines', async () => {
    const [theirs, ours] = await both(async (address) => {
      const revision = await revisionOf(address);
      const lines = new Collected();
      const door = new JsonDoor(address);
      const create = { key: btoa('w'), range_end: btoa('x'), prev_kv: true };
      const end = door.stream('/v3/watch', { create_request: create }, lines.add, () => undefined);
      await lines.until(1);
      for (const [path, body] of writes) await post(address, path, body);
      await lines.until(1 + writes.length);
      end();
      door.close();
      return lines.relativeTo(revision);
    });
    assert.deepEqual(ours, theirs);
  });

  test('a watch over a WebSocket tells the same frames', async () => {
    const [theirs, ours] = await both(async (address) => {
      const revision = await revisionOf(address);
      const frames = new Collected();
      const socket = new WebSocket(`ws://${address}/v3/watch`);
      socket.on('message', (data) => frames.add(data.toString()));
      await once(socket, 'open');
      socket.send(JSON.stringify({ create_request: { key: btoa('w'), range_end: btoa('x') } }));
      await frames.until(1);
      for (const [path, body] of writes) await post(address, path, body);
      await frames.until(1 + writes.length);
      socket.send('{"cancel_request":{"watch_id":"0"}}');
      await frames.until(2 + writes.length);
      const past = { key: btoa('w'), start_revision: `${revision + 1}`, filters: ['NOPUT'] };
      socket.send(JSON.stringify({ create_request: past }));
      await frames.until(4 + writes.length);
      socket.send('{"create_request":{"key":"eA==","range_end":"dw=="}}');
      await frames.until(5 + writes.length);
      socket.terminate();
      return frames.relativeTo(revision);
    });
    assert.deepEqual(ours, theirs);
  });
});

const writes = [
  ['kv/put', { key: btoa('w'), value: btoa('1') }],
  ['kv/put', { key: btoa('w1'), value: btoa('2') }],
  [
    'kv/txn',
    { success: [{ request_put: { key: btoa('w2') } }, { request_put: { key: btoa('w3') } }] },
  ],
  ['kv/deleterange', { key: btoa('w') }],
] as const;

/** What came, in its order. */
class Collected {
  readonly #seen: string[] = [];
  #waiting: (() => void)[] = [];

  readonly add = (text: string): void => {
    if (text === '') return;
    this.#seen.push(text);
    for (const look of this.#waiting.splice(0)) look();
  };

  async until(count: number): Promise<void> {
    while (this.#seen.length < count) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** With revisions counted from that one on. */
  relativeTo(revision: number): Json[] {
    return this.#seen.map((text) => shifted(neutral(JSON.parse(text)), revision));
  }
}

function shifted(value: Json, by: number): Json {
  if (Array.isArray(value)) return value.map((inner) => shifted(inner, by));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      name.endsWith('revision') ? Number(inner) - by : shifted(inner, by),
    ]),
  );
}

async function post(address: string, path: string, body: object): Promise<string> {
  const answer = await http(address, `/v3/${path}`, { method: 'POST', body: JSON.stringify(body) });
  assert.equal(answer.status, 200, answer.body);
  return answer.body;
}

async function revisionOf(address: string): Promise<number> {
  return Number(JSON.parse(await post(address, 'kv/range', { key: a })).header.revision);
}

function isEqual(one: unknown, other: unknown): boolean {
  try {
    assert.deepEqual(one, other);
    return true;
  } catch {
    return false;
  }
}
