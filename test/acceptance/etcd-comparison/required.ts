import { errorTable } from '@lockstep/client/protocol';

const forms = [
  ...['one key', 'from a key to another', 'a prefix', 'from a key', 'everything'],
  'end before start',
];
const rangeOptions = [
  ...['limit', 'revision', 'serializable', 'keysOnly', 'countOnly'],
  ...['minModRevision', 'maxModRevision', 'minCreateRevision', 'maxCreateRevision'],
];
const text = (name: keyof typeof errorTable): string => errorTable[name].text;

/** What a comparison must have met, by the names that its table has. */
export const requiredReach: readonly string[] = [
  ...['range', 'put', 'deleteRange', 'txn', 'compact', 'watch', 'cancel'].map(
    (each) => `call ${each}`,
  ),
  ...['grant', 'revoke', 'keepAlive', 'timeToLive', 'leases'].map((each) => `call ${each}`),
  ...forms.flatMap((form) => [`range of ${form}`, `deleteRange of ${form}`]),
  ...forms.slice(0, -1).map((form) => `watch of ${form}`),
  ...rangeOptions.flatMap((option) => [`range with ${option}`, `txn: range with ${option}`]),
  ...['version', 'create', 'mod', 'value'].flatMap((target) =>
    ['none', 'ascend', 'descend'].map((order) => `range sorted by ${target} ${order}`),
  ),
  ...['range sorted by key ascend', 'range sorted by key descend'],
  ...['range with more', 'range of several pairs', 'txn: range with more'],
  ...['lease', 'prevKv', 'ignoreValue', 'ignoreLease'].flatMap((option) => [
    `put with ${option}`,
    `txn: put with ${option}`,
  ]),
  ...['put with a pair before', 'deleteRange with pairs before', 'deleteRange of nothing'],
  ...[
    'txn: put with a pair before',
    'txn: deleteRange with pairs before',
    'txn: deleteRange of nothing',
  ],
  ...['version', 'create', 'mod', 'value', 'lease'].flatMap((target) =>
    ['=', '!=', '<', '>'].map((operator) => `compare ${target} ${operator}`),
  ),
  'compare over a range',
  ...['txn succeeded', 'txn failed', 'txn: txn succeeded', 'txn: txn failed'],
  ...[1, 2, 3].map((depth) => `txn of depth ${depth}`),
  'txn with as many operations as may be',
  ...['keepAlive of no lease', 'timeToLive of no lease', 'timeToLive with keys'],
  ...['grant at the floor', 'grant of the longest TTL'],
  ...['startRevision', 'prevKv', 'noPut', 'noDelete', 'progress'].map(
    (each) => `watch with ${each}`,
  ),
  ...['put', 'delete'].flatMap((type) => [
    `watch: events of a ${type}`,
    `watch: events of a ${type} with a pair before`,
  ]),
  'watch: revisions of several events',
  ...['range', 'txn', 'compact'].flatMap((kind) => [
    `error ${kind}: ${text('compacted')}`,
    `error ${kind}: ${text('future_revision')}`,
  ]),
  `error watch: ${text('compacted')}`,
  ...['range', 'put', 'deleteRange', 'txn'].map((kind) => `error ${kind}: ${text('empty_key')}`),
  ...['put', 'txn'].flatMap((kind) =>
    (['value_provided', 'lease_provided', 'key_not_found', 'lease_not_found'] as const).map(
      (name) => `error ${kind}: ${text(name)}`,
    ),
  ),
  `error txn: ${text('too_many_operations')}`,
  `error txn: ${text('duplicate_key')}`,
  `error revoke: ${text('lease_not_found')}`,
  `error grant: ${text('lease_exists')}`,
  `error grant: ${text('lease_ttl_too_large')}`,
];
