import type { DescMethod, DescService } from '@bufbuild/protobuf';
import {
  Auth,
  Cluster,
  KV,
  Lease,
  Maintenance,
  Watch,
} from '../../../server/src/api/etcd/gen/rpc_pb.ts';
import { Election } from '../../../server/src/api/etcd/gen/v3election_pb.ts';
import { Lock } from '../../../server/src/api/etcd/gen/v3lock_pb.ts';
import { allowedDifferences } from '../grpc-comparison/allowed.ts';
import { beside, exceptions } from './table.ts';

export const documentPath = 'server/docs/etcd-compatibility.md';
export const services: readonly DescService[] = [
  ...[KV, Watch, Lease, Cluster, Maintenance, Auth, Lock, Election],
];

export const nameOf = ({ parent, name }: DescMethod): string => `${parent.name}.${name}`;

/** Options of a request, those of a choice of messages included. */
function optionsOf(method: DescMethod): { readonly name: string; readonly key: string }[] {
  const fields = method.input.fields.flatMap((field) =>
    field.oneof !== undefined && field.fieldKind === 'message'
      ? field.message.fields.map(({ name }) => `${field.name}.${name}`)
      : [field.name],
  );
  return fields.map((name) => ({ name, key: `${nameOf(method)} ${name}` }));
}

/** Every name that the table may speak of. */
export function knownNames(): Set<string> {
  const methods = services.flatMap(({ methods }) => methods);
  return new Set(
    methods.flatMap((method) => [nameOf(method), ...optionsOf(method).map(({ key }) => key)]),
  );
}

function verdictOf(key: string): string {
  const exception = exceptions[key];
  return exception === undefined ? 'same' : `${exception.verdict} (${exception.how})`;
}

function rowsOf(method: DescMethod): string[] {
  const name = nameOf(method);
  const own = `| \`${name}\` | | ${verdictOf(name)} |`;
  if (exceptions[name]?.verdict === 'absent') return [own];
  const options = optionsOf(method).map(
    (option) => `| | \`${option.name}\` | ${verdictOf(option.key)} |`,
  );
  return [own, ...options];
}

export function documentText(): string {
  const head = '| Call | Option | Verdict |\n| --- | --- | --- |';
  const sections = services.map(({ name, methods }) =>
    [`## ${name}`, '', head, ...methods.flatMap(rowsOf), ''].join('\n'),
  );
  const allowed = allowedDifferences.map(
    ({ name, reason, onlyIn34 }) => `- ${name}${onlyIn34 ? ' (3.4 only)' : ''}: ${reason}`,
  );
  return [
    '# What etcd clients find here',
    '',
    "Every call of etcd's v3 API over gRPC, with each option of its request: *same* as etcd 3.6, *differs (how)*, or *absent (why)*.",
    'The page is written by `npm run generate:compatibility` from the tables of the tests; a test fails when it is out of date, and another asks a member',
    'for every method. `npm run compare` sends the same messages to a member and to etcd, and compares every answer and watch.',
    '',
    ...sections,
    '## Beside the calls',
    '',
    '| What | Verdict |',
    '| --- | --- |',
    ...beside.map(([what, verdict]) => `| ${what} | ${verdict} |`),
    '',
    '## What the comparison lets pass',
    '',
    "It is made with Debian's etcd 3.4; rows with *3.4 only* are those where Lockstep follows 3.6.",
    '',
    ...allowed,
    '',
  ].join('\n');
}
