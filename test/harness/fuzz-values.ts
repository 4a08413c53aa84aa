import type { AlarmKind, ByteString } from '@lockstep/client/protocol';
import fc from 'fast-check';
import type { AuthAction } from '../../server/src/core/auth/types.ts';
import type { Command, Envelope } from '../../server/src/core/command.ts';
import type { KeyValue } from '../../server/src/core/mvcc/key-value.ts';
import type {
  Compare,
  PutRequest,
  RangeRequest,
  TxnOperation,
  TxnOperationReply,
  TxnReply,
  TxnRequest,
} from '../../server/src/core/mvcc/requests.ts';
import type { Message } from '../../server/src/core/raft/message.ts';
import type { Entry, SnapshotMeta } from '../../server/src/core/raft/types.ts';
import type { Reply } from '../../server/src/core/reply.ts';
import type { PeerFrame } from '../../server/src/member/peer-frame.ts';

/** What members say to each other and keep: every kind, of few keys and ids, so that one meets the other. */

/** Plain objects, as decoders make them. */
function record<Fields>(
  fields: {
    [Name in keyof Fields]: fc.Arbitrary<Fields[Name]>;
  },
): fc.Arbitrary<Fields> {
  // Without the option that makes fields optional, all of them are there.
  return fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<Fields>;
}

const number = fc.oneof(fc.nat({ max: 40 }), fc.nat(), fc.maxSafeNat());
const flag = fc.boolean();
const text = fc.oneof(fc.constantFrom('', '0', '1', '77', '-5', 'a:2380'), fc.string());
const leaseId = fc.constantFrom('0', '1', '2', '77', '-9223372036854775808');
const bytes = fc
  .uint8Array({ maxLength: 30 })
  .map((array) => String.fromCharCode(...array) as ByteString);
const key = fc.oneof(fc.constantFrom('a', 'b', 'c', 'd', '\0', '').map(asBytes), bytes);
const range = { key, rangeEnd: fc.oneof(fc.constantFrom('', '\0', 'c').map(asBytes), bytes) };
const alarm = fc.constantFrom<AlarmKind>('nospace', 'corrupt');
const mark = record({ id: leaseId, renewals: number });

function asBytes(ascii: string): ByteString {
  return ascii as ByteString;
}

const put: fc.Arbitrary<PutRequest> = record({
  key,
  value: bytes,
  lease: leaseId,
  prevKv: flag,
  ignoreValue: flag,
  ignoreLease: flag,
});

const rangeRequest: fc.Arbitrary<RangeRequest> = record({
  ...range,
  limit: number,
  revision: fc.oneof(fc.constant(0), number),
  keysOnly: flag,
  countOnly: flag,
  sortOrder: fc.constantFrom('none', 'ascend', 'descend'),
  sortTarget: fc.constantFrom('key', 'version', 'create', 'mod', 'value'),
  minModRevision: number,
  maxModRevision: number,
  minCreateRevision: number,
  maxCreateRevision: number,
});

const deleteRange = record({ ...range, prevKv: flag });
const operator = fc.constantFrom('=' as const, '!=' as const, '<' as const, '>' as const);

const compare: fc.Arbitrary<Compare> = fc.oneof(
  record({
    ...range,
    operator,
    target: fc.constantFrom('version' as const, 'create' as const, 'mod' as const),
    operand: number,
  }),
  record({ ...range, operator, target: fc.constant('value' as const), operand: bytes }),
  record({ ...range, operator, target: fc.constant('lease' as const), operand: leaseId }),
);

const trees = fc.letrec<{ txn: TxnRequest; operation: TxnOperation }>((tie) => ({
  txn: record({
    compares: fc.array(compare, { maxLength: 2 }),
    success: fc.array(tie('operation'), { maxLength: 3 }),
    failure: fc.array(tie('operation'), { maxLength: 2 }),
  }),
  operation: fc.oneof(
    { maxDepth: 3 },
    record({ type: fc.constant('put' as const), request: put }),
    record({ type: fc.constant('range' as const), request: rangeRequest }),
    record({ type: fc.constant('deleteRange' as const), request: deleteRange }),
    record({ type: fc.constant('txn' as const), request: tie('txn') }),
  ),
}));

function tagged<Type extends string, Fields extends object>(
  type: Type,
  fields: fc.Arbitrary<Fields>,
): fc.Arbitrary<{ type: Type } & Fields> {
  return fields.map((values) => ({ type, ...values }));
}

const nothing = fc.constant({});

const userName = fc.constantFrom('root', 'ada', 'bob', '');
const roleName = fc.constantFrom('root', 'ops', 'dev', '');
const permission = record({
  kind: fc.constantFrom('read' as const, 'write' as const, 'readwrite' as const),
  ...range,
});
const ofAction = <Action extends string, Fields extends object>(
  action: Action,
  fields: fc.Arbitrary<Fields>,
) => fields.map((values) => ({ action, ...values }));

const authAction: fc.Arbitrary<AuthAction> = fc.oneof(
  ofAction('authEnable', record({ secret: text })),
  ofAction('authDisable', nothing),
  ofAction('userAdd', record({ name: userName, passwordHash: text, noPassword: flag })),
  ofAction('userDelete', record({ name: userName })),
  ofAction('userChangePassword', record({ name: userName, passwordHash: text })),
  ofAction('userGrantRole', record({ name: userName, role: roleName })),
  ofAction('userRevokeRole', record({ name: userName, role: roleName })),
  ofAction('roleAdd', record({ role: roleName })),
  ofAction('roleDelete', record({ role: roleName })),
  ofAction(
    'roleGrantPermission',
    record({ role: roleName, permission: fc.option(permission, { nil: undefined }) }),
  ),
  ofAction('roleRevokePermission', record({ role: roleName, range: record(range) })),
);

export const commands: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: tagged('auth', record({ change: authAction })) },
  { weight: 4, arbitrary: tagged('put', put) },
  { weight: 2, arbitrary: tagged('deleteRange', deleteRange) },
  { weight: 4, arbitrary: tagged('txn', trees.txn) },
  tagged('compact', record({ revision: number })),
  { weight: 2, arbitrary: tagged('leaseGrant', record({ id: leaseId, ttl: number })) },
  tagged('leaseRevoke', record({ id: leaseId })),
  tagged('leaseRenew', record({ ids: fc.array(leaseId, { maxLength: 4 }) })),
  tagged('leaseExpire', record({ marks: fc.array(mark, { maxLength: 4 }) })),
  tagged(
    'leaseCheckpoint',
    record({ checkpoints: fc.array(record({ mark, remaining: number }), { maxLength: 4 }) }),
  ),
  tagged('registerClient', nothing),
  tagged('raiseAlarm', record({ memberId: text, alarm })),
  {
    weight: 2,
    arbitrary: tagged(
      'clearAlarm',
      record({ memberId: text, alarm: fc.oneof(alarm, fc.constant('' as const)) }),
    ),
  },
  tagged('hashCheck', nothing),
  tagged('hashReport', record({ memberId: text, check: number, hash: number })),
  tagged(
    'register',
    record({
      memberId: text,
      directoryId: text,
      name: text,
      clientAddress: text,
      peerAddress: text,
    }),
  ),
);

/** The client that `registerClient` of this origin makes, for those that come after it. */
const clientOrigin = { incarnation: 1, sequence: 1 };
export const knownClient = String(2 ** 32 + 1);

export const envelopes: fc.Arbitrary<Envelope> = record({
  origin: fc.oneof(fc.constant(clientOrigin), record({ incarnation: number, sequence: number })),
  once: fc.option(
    record({
      clientId: fc.oneof({ weight: 4, arbitrary: fc.constant(knownClient) }, text),
      sequence: fc.oneof(fc.nat({ max: 4 }), number),
      ackedBelow: fc.oneof(fc.nat({ max: 4 }), number),
    }),
    { nil: undefined },
  ),
  asker: fc.option(record({ user: userName, authRevision: fc.oneof(fc.nat({ max: 4 }), number) }), {
    freq: 2,
    nil: undefined,
  }),
  command: commands,
});

const pair: fc.Arbitrary<KeyValue> = record({
  key,
  value: bytes,
  createRevision: number,
  modRevision: number,
  version: number,
  lease: leaseId,
});
const pairs = fc.array(pair, { maxLength: 3 });
const prevKv = record({ prevKv: fc.option(pair, { nil: undefined }) });

const replyTrees = fc.letrec<{ txn: TxnReply; operation: TxnOperationReply }>((tie) => ({
  txn: record({ succeeded: flag, results: fc.array(tie('operation'), { maxLength: 3 }) }),
  operation: fc.oneof(
    { maxDepth: 3 },
    record({ type: fc.constant('put' as const), reply: prevKv, revision: number }),
    record({
      type: fc.constant('range' as const),
      reply: record({ kvs: pairs, more: flag, count: number }),
      revision: number,
    }),
    record({
      type: fc.constant('deleteRange' as const),
      reply: record({ deleted: number, prevKvs: pairs }),
      revision: number,
    }),
    record({ type: fc.constant('txn' as const), reply: tie('txn'), revision: number }),
  ),
}));

export const replies: fc.Arbitrary<Reply> = fc.oneof(
  tagged('put', prevKv),
  tagged('deleteRange', record({ deleted: number, prevKvs: pairs })),
  { weight: 3, arbitrary: tagged('txn', replyTrees.txn) },
  tagged('leaseGrant', record({ id: leaseId, ttl: number })),
  tagged('leaseRenew', record({ ttls: fc.array(number, { maxLength: 4 }) })),
  tagged('registerClient', record({ clientId: text })),
  tagged('clearAlarm', record({ alarms: fc.array(record({ memberId: text, alarm })) })),
  tagged('hashCheck', record({ check: number })),
  tagged('register', record({ refused: fc.constant({ registeredDirectory: 'another' }) })),
  tagged('done', nothing),
  tagged(
    'refused',
    record({
      code: fc.constantFrom('compacted' as const),
      compactRevision: fc.integer({ min: 1, max: 1000 }),
    }),
  ),
);

export interface MessageParts {
  readonly from: fc.Arbitrary<string>;
  readonly to: fc.Arbitrary<string>;
  readonly members: fc.Arbitrary<string>;
  readonly term: fc.Arbitrary<number>;
  readonly index: fc.Arbitrary<number>;
  readonly payload: fc.Arbitrary<Uint8Array>;
  /** What an entry of a leader carries. */
  readonly entryPayload: fc.Arbitrary<Uint8Array>;
}

function metas({ index, term, members }: MessageParts): fc.Arbitrary<SnapshotMeta> {
  const ids = fc.uniqueArray(members, { maxLength: 3 });
  return record({
    index,
    term,
    membership: record({
      voters: ids,
      outgoing: ids,
      learners: ids,
      learnersNext: ids,
      autoLeave: flag,
    }),
  });
}

/** Entries that follow `prevIndex`, as a message has them. */
function entriesFrom(parts: MessageParts) {
  const entry = record({
    term: parts.term,
    kind: fc.constantFrom<Entry['kind']>('command', 'command', 'membership'),
    payload: parts.entryPayload,
  });
  return fc.array(entry, { maxLength: 4 });
}

/** Every kind of message, its numbers drawn from those of the parts. */
export function messagesOf(parts: MessageParts): fc.Arbitrary<Message> {
  const { index, term, members, payload } = parts;
  const kind = <Type extends Message['type'], Fields extends object>(
    type: Type,
    fields: fc.Arbitrary<Fields>,
  ) => fc.tuple(envelope, fields).map(([sent, values]) => ({ type, ...sent, ...values }));
  const envelope = record({ from: parts.from, to: parts.to, term });
  const vote = { preVote: flag };
  return fc.oneof(
    kind('voteRequest', record({ ...vote, transfer: flag, lastIndex: index, lastTerm: term })),
    kind('voteReply', record({ ...vote, granted: flag, committed: record({ index, term }) })),
    {
      weight: 4,
      arbitrary: kind(
        'appendRequest',
        record({
          prevIndex: index,
          prevTerm: term,
          commit: index,
          entries: entriesFrom(parts),
        }).map((request) => ({
          ...request,
          entries: request.entries.map((entry, at) => ({
            ...entry,
            index: request.prevIndex + 1 + at,
          })),
        })),
      ),
    },
    {
      weight: 2,
      arbitrary: kind(
        'appendReply',
        record({ success: flag, index, hintIndex: index, hintTerm: term }),
      ),
    },
    kind('heartbeat', record({ commit: index, round: number })),
    kind('commitNotice', record({ commit: index })),
    kind('heartbeatReply', record({ round: number })),
    kind('installSnapshot', record({ snapshot: metas(parts) })),
    kind(
      'forwardedProposal',
      record({ batch: number, payloads: fc.array(payload, { maxLength: 3 }) }),
    ),
    kind(
      'proposalDropped',
      record({
        batch: number,
        reason: fc.constantFrom('no_leader', 'too_many_requests', 'transferring'),
      }),
    ),
    kind('readIndexRequest', record({ context: number })),
    kind('readIndexReply', record({ context: number, index })),
    kind('transferRequest', record({ target: members })),
    kind('timeoutNow', nothing),
  );
}

const version = fc.oneof(fc.constantFrom(0, 1, 2), number);

const introduction = record({
  protocol: fc.oneof(fc.constant(1), number),
  clusterId: text,
  initialCluster: text,
  memberId: text,
  directoryId: text,
  name: text,
  peerAddress: text,
  clientAddress: text,
  fresh: flag,
  versions: record({ lowest: version, highest: version }),
  clusterVersion: version,
});

const lookedUp = record({
  memberId: text,
  name: text,
  peerAddress: text,
  clientAddress: text,
  isBound: flag,
  replaces: text,
});

const changeText = fc
  .record({
    action: fc.constantFrom('add', 'remove', 'update', 'promote', 'replace', 'split'),
    peerAddress: fc.oneof(text, fc.constant(7)),
    memberId: fc.oneof(text, fc.constant(null)),
    learner: fc.oneof(flag, fc.constant('yes')),
  })
  .map((change) => JSON.stringify(change));

const outcomeText = fc
  .record({
    ok: fc.oneof(flag, fc.constant(1)),
    code: fc.oneof(text, fc.constant('member_not_found')),
    memberId: text,
    members: fc.array(fc.oneof(fc.constant(null), lookedUp), { maxLength: 2 }),
  })
  .map((outcome) => JSON.stringify(outcome));

/** Every kind of frame but the greetings, which a test that wants to be welcomed makes itself. */
export function talkOf(parts: MessageParts): fc.Arbitrary<PeerFrame> {
  const { index, term } = parts;
  const chunk = fc.uint8Array({ maxLength: 60 });
  return fc.oneof(
    {
      weight: 8,
      arbitrary: tagged(
        'messages',
        record({ messages: fc.array(messagesOf(parts), { minLength: 1, maxLength: 4 }) }),
      ),
    },
    tagged('ping', nothing),
    tagged('pong', nothing),
    tagged('inquiry', nothing),
    tagged('inquiryReply', record({ registeredDirectory: text, isMember: flag })),
    tagged('lookup', nothing),
    tagged(
      'lookupReply',
      record({ clusterId: text, members: fc.array(lookedUp, { maxLength: 3 }) }),
    ),
    tagged('changeRequest', record({ number, text: fc.oneof(text, changeText) })),
    tagged('changeReply', record({ number, text: fc.oneof(text, outcomeText) })),
    { weight: 2, arbitrary: tagged('snapshotBegin', record({ term, meta: metas(parts) })) },
    {
      weight: 2,
      arbitrary: tagged(
        'snapshotChunk',
        record({ index, number: fc.oneof(fc.nat({ max: 2 }), number), chunk }),
      ),
    },
    tagged('snapshotEnd', record({ index, count: fc.oneof(fc.nat({ max: 2 }), number) })),
    tagged('snapshotReply', record({ ok: flag })),
    tagged('welcome', record({ self: introduction })),
    tagged('hello', record({ to: text, self: introduction })),
  );
}

export const frames: fc.Arbitrary<PeerFrame> = fc.oneof(
  {
    weight: 8,
    arbitrary: talkOf({
      from: text,
      to: text,
      members: text,
      term: number,
      index: fc.nat(),
      payload: fc.uint8Array({ maxLength: 40 }),
      entryPayload: fc.uint8Array({ maxLength: 40 }),
    }),
  },
  tagged(
    'refusal',
    record({
      kind: fc.constantFrom('protocol', 'cluster', 'member', 'wiped', 'name'),
      sentence: text,
      fresh: flag,
    }),
  ),
);
