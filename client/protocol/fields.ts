/** Which params each method takes, and what they may hold; `params.ts` checks against it. */
import type { MethodName, ParamsOf } from './methods.ts';
import type { Compare, KeySelector, Once, TxnOperation } from './model.ts';

/** What a field may hold, and the words that say so. */
export const kinds = {
  bytes: 'a string, or {"base64": "..."} for bytes that are not UTF-8',
  count: 'a whole number, 0 or greater',
  flag: 'true or false',
  text: 'a string',
  permission: 'read, write or readwrite',
  id: 'a decimal number in a string, as in "42"',
  address: 'host:port of the door for members, as in "10.0.0.4:2380"',
  leaseId: 'a 64-bit number in a string, as in "42"',
  sortOrder: 'none, ascend or descend',
  sortTarget: 'key, version, create, mod or value',
  compareTarget: 'version, create, mod, value or lease',
  compareOperator: '=, !=, < or >',
  operand: 'a whole number, a string, or {"base64": "..."}',
  alarm: 'nospace or corrupt',
  once: '{"clientId": "...", "sequence": 1, "ackedBelow": 1}',
  selectors: 'a list of {"key"}, {"key", "rangeEnd"} or {"prefix"}',
  compares: 'a list of {"key", "target", "operator", "operand"}',
  operations: 'a list of {"range"}, {"put"}, {"deleteRange"} or {"txn"}',
  range: 'the params of kv.range',
  put: 'the params of kv.put',
  deleteRange: 'the params of kv.deleteRange',
  txn: 'the params of kv.txn',
} as const;

export type Kind = keyof typeof kinds;

/** The kinds that are one of a few words. */
export const choices: { readonly [Name in Kind]?: readonly string[] } = {
  sortOrder: ['none', 'ascend', 'descend'],
  sortTarget: ['key', 'version', 'create', 'mod', 'value'],
  compareTarget: ['version', 'create', 'mod', 'value', 'lease'],
  compareOperator: ['=', '!=', '<', '>'],
  alarm: ['nospace', 'corrupt'],
  permission: ['read', 'write', 'readwrite'],
};

export interface Field<Required extends boolean = boolean> {
  readonly kind: Kind;
  readonly required: Required;
}

/** The compiler holds each table to its type of the model: every field there, and required where that is. */
type FieldsOf<Params> = {
  readonly [Name in keyof Params]-?: Field<
    Record<never, never> extends Pick<Params, Name> ? false : true
  >;
};

const needed = (kind: Kind): Field<true> => ({ kind, required: true });
const optional = (kind: Kind): Field<false> => ({ kind, required: false });

const selector: FieldsOf<KeySelector> = {
  key: optional('bytes'),
  rangeEnd: optional('bytes'),
  prefix: optional('bytes'),
};
const once = { once: optional('once') };

const methods: {
  readonly [Name in MethodName]: FieldsOf<
    ParamsOf<Name> extends Record<string, never> ? unknown : ParamsOf<Name>
  >;
} = {
  'kv.range': {
    ...selector,
    limit: optional('count'),
    revision: optional('count'),
    serializable: optional('flag'),
    keysOnly: optional('flag'),
    countOnly: optional('flag'),
    minRevision: optional('count'),
    sortOrder: optional('sortOrder'),
    sortTarget: optional('sortTarget'),
    minModRevision: optional('count'),
    maxModRevision: optional('count'),
    minCreateRevision: optional('count'),
    maxCreateRevision: optional('count'),
  },
  'kv.put': {
    key: needed('bytes'),
    value: optional('bytes'),
    lease: optional('leaseId'),
    prevKv: optional('flag'),
    ignoreValue: optional('flag'),
    ignoreLease: optional('flag'),
    ...once,
  },
  'kv.deleteRange': { ...selector, prevKv: optional('flag'), ...once },
  'kv.scan': {
    ...selector,
    after: optional('bytes'),
    revision: optional('count'),
    limit: optional('count'),
    keysOnly: optional('flag'),
    serializable: optional('flag'),
    minRevision: optional('count'),
  },
  'kv.txn': {
    compare: optional('compares'),
    success: optional('operations'),
    failure: optional('operations'),
    ...once,
  },
  'kv.compact': { revision: needed('count'), physical: optional('flag'), ...once },
  'lease.grant': { ttl: needed('count'), id: optional('leaseId'), ...once },
  'lease.revoke': { id: needed('leaseId'), ...once },
  'lease.keepAlive': { id: needed('leaseId') },
  'lease.timeToLive': { id: needed('leaseId'), keys: optional('flag') },
  'lease.list': {},
  'client.register': {},
  'watch.create': {
    ...selector,
    ranges: optional('selectors'),
    startRevision: optional('count'),
    watchId: optional('count'),
    prevKv: optional('flag'),
    noPut: optional('flag'),
    noDelete: optional('flag'),
    keysOnly: optional('flag'),
    progressNotify: optional('flag'),
    fragment: optional('flag'),
    credits: optional('count'),
    minRevision: optional('count'),
  },
  'watch.cancel': { watchId: needed('count') },
  'watch.credit': { watchId: needed('count'), credits: needed('count') },
  'watch.progress': {},
  'cluster.members': { linearizable: optional('flag') },
  'cluster.memberAdd': { peerAddress: needed('address'), learner: optional('flag') },
  'cluster.memberRemove': { memberId: needed('id') },
  'cluster.memberUpdate': { memberId: needed('id'), peerAddress: needed('address') },
  'cluster.memberPromote': { memberId: needed('id') },
  'cluster.memberReplace': { memberId: needed('id'), peerAddress: needed('address') },
  'maintenance.status': {},
  'maintenance.moveLeader': { targetId: needed('id') },
  'maintenance.alarms': {},
  'maintenance.disarm': { memberId: optional('id'), alarm: optional('alarm') },
  'maintenance.arm': { memberId: needed('id'), alarm: needed('alarm') },
  'maintenance.hash': {},
  'maintenance.hashKv': { revision: optional('count') },
  'maintenance.defragment': {},
  'auth.status': {},
  'auth.enable': {},
  'auth.disable': {},
  'auth.login': { name: optional('text'), password: optional('text'), token: optional('text') },
  'auth.userAdd': {
    name: needed('text'),
    password: optional('text'),
    noPassword: optional('flag'),
  },
  'auth.userDelete': { name: needed('text') },
  'auth.userChangePassword': { name: needed('text'), password: needed('text') },
  'auth.userGrantRole': { name: needed('text'), role: needed('text') },
  'auth.userRevokeRole': { name: needed('text'), role: needed('text') },
  'auth.userGet': { name: needed('text') },
  'auth.userList': {},
  'auth.roleAdd': { role: needed('text') },
  'auth.roleDelete': { role: needed('text') },
  'auth.roleGrantPermission': {
    ...selector,
    role: needed('text'),
    permission: needed('permission'),
  },
  'auth.roleRevokePermission': { ...selector, role: needed('text') },
  'auth.roleGet': { role: needed('text') },
  'auth.roleList': {},
};

const onceFields: FieldsOf<Once> = {
  clientId: needed('id'),
  sequence: needed('count'),
  ackedBelow: needed('count'),
};

const compareFields: FieldsOf<Compare> = {
  ...selector,
  target: needed('compareTarget'),
  operator: needed('compareOperator'),
  operand: needed('operand'),
};

const operationFields: FieldsOf<TxnOperation> = {
  range: optional('range'),
  put: optional('put'),
  deleteRange: optional('deleteRange'),
  txn: optional('txn'),
};

/** The fields of one kind of object. */
export class FieldTable {
  /** What the fields belong to, for messages. */
  readonly owner: string;
  readonly fields: ReadonlyMap<string, Field>;
  readonly names: readonly string[];
  readonly required: readonly string[];

  constructor(owner: string, fields: Readonly<Record<string, Field>>) {
    this.owner = owner;
    this.fields = new Map(Object.entries(fields));
    this.names = Object.keys(fields);
    this.required = this.names.filter((name) => fields[name]?.required);
  }
}

/** By method. */
export const methodTables: ReadonlyMap<string, FieldTable> = new Map(
  Object.entries(methods).map(([method, fields]) => [method, new FieldTable(method, fields)]),
);

const { once: _once, ...nestedPut } = methods['kv.put'];
const { once: _deleteOnce, ...nestedDelete } = methods['kv.deleteRange'];
const { once: _txnOnce, ...nestedTxn } = methods['kv.txn'];
const { minRevision: _, ...nestedRange } = methods['kv.range'];

/** Objects that stand inside of params: what belongs to a whole call is not among them. */
export const nestedTables = {
  once: new FieldTable('once', onceFields),
  selectors: new FieldTable('a range', selector),
  compares: new FieldTable('a condition', compareFields),
  operations: new FieldTable('an operation', operationFields),
  range: new FieldTable('range', nestedRange),
  put: new FieldTable('put', nestedPut),
  deleteRange: new FieldTable('deleteRange', nestedDelete),
  txn: new FieldTable('txn', nestedTxn),
} as const satisfies { readonly [Name in Kind]?: FieldTable };
