/**
 * What is typed at `etcdctl` (3.4), and what it must print; each row begins where the one before has left the store, the first on a
 * new cluster. The whole of it is true of etcd itself, which the test shows too.
 */
import type { ShellCommand } from './shell-command.ts';

const fails = (line: string, error: string, exits = 1): ShellCommand => ({
  line,
  prints: `Error: ${error}\n`,
  exits,
});
const prints = (line: string, ...rows: string[]): ShellCommand => ({
  line,
  prints: rows.map((row) => `${row}\n`).join(''),
});
const txn = (text: string, ...rows: string[]): ShellCommand =>
  prints(`printf '${text}' | etcdctl txn`, ...rows);
const fields =
  '-w fields | grep -E "^.(Revision|Key|CreateRevision|ModRevision|Version|Value|Lease|More|Count)"';

const keysAndValues: readonly ShellCommand[] = [
  prints('etcdctl put hello etcd', 'OK'),
  prints('etcdctl get hello', 'hello', 'etcd'),
  prints('etcdctl get hello --print-value-only', 'etcd'),
  prints('etcdctl get hello --keys-only', 'hello', ''),
  prints("printf 'from stdin' | etcdctl put piped", 'OK'),
  prints('etcdctl get piped', 'piped', 'from stdin'),
  prints('etcdctl put hello world --prev-kv', 'OK', 'hello', 'etcd'),
  prints('etcdctl get hello --rev=2', 'hello', 'etcd'),
  fails('etcdctl get hello --rev=99', 'etcdserver: mvcc: required revision is a future revision'),
  prints('etcdctl put app/a 3', 'OK'),
  prints('etcdctl put app/b 1', 'OK'),
  prints('etcdctl put app/c 2', 'OK'),
  prints('etcdctl get --prefix app/', 'app/a', '3', 'app/b', '1', 'app/c', '2'),
  prints('etcdctl get --prefix app/ --limit=2', 'app/a', '3', 'app/b', '1'),
  prints(
    'etcdctl get --prefix app/ --sort-by=VALUE --order=DESCEND',
    ...['app/a', '3', 'app/c', '2', 'app/b', '1'],
  ),
  prints(
    'etcdctl get --prefix app/ --sort-by=MODIFY --order=ASCEND --keys-only',
    ...['app/a', '', 'app/b', '', 'app/c', ''],
  ),
  prints(
    'etcdctl get --prefix app/ --sort-by=CREATE --order=DESCEND --keys-only',
    ...['app/c', '', 'app/b', '', 'app/a', ''],
  ),
  prints('etcdctl get --prefix app/ --sort-by=VERSION --limit=1', 'app/a', '3'),
  prints('etcdctl get --prefix app/ --sort-by=KEY --order=DESCEND --limit=1', 'app/c', '2'),
  prints('etcdctl get app/a app/c', 'app/a', '3', 'app/b', '1'),
  prints(
    'etcdctl get --from-key app/b',
    ...['app/b', '1', 'app/c', '2', 'hello', 'world', 'piped', 'from stdin'],
  ),
  prints('etcdctl get --from-key hello --consistency=s --print-value-only', 'world', 'from stdin'),
  prints(
    "etcdctl get --prefix '' --keys-only",
    ...['app/a', '', 'app/b', '', 'app/c', '', 'hello', '', 'piped', ''],
  ),
  prints('etcdctl get --hex app/a', '\\x61\\x70\\x70\\x2f\\x61', '\\x33'),
  prints('etcdctl get nothing'),
  prints(
    `etcdctl get hello ${fields}`,
    ...['"Revision" : 7', '"Key" : "hello"', '"CreateRevision" : 2', '"ModRevision" : 4'],
    ...['"Version" : 2', '"Value" : "world"', '"Lease" : 0', '"More" : false', '"Count" : 1'],
  ),
  prints(
    `etcdctl get hello -w json | grep -o '"kvs".*'`,
    '"kvs":[{"key":"aGVsbG8=","create_revision":2,"mod_revision":4,"version":2,"value":"d29ybGQ="}],"count":1}',
  ),
  fails("etcdctl get ''", 'etcdserver: key is not provided'),
  fails("etcdctl put '' x", 'etcdserver: key is not provided'),
  fails(
    'etcdctl get',
    'get command needs one argument as key and an optional argument as range_end',
    128,
  ),
  prints('etcdctl put hello --ignore-value', 'OK'),
  prints('etcdctl get hello', 'hello', 'world'),
  fails('etcdctl put never --ignore-value', 'etcdserver: key not found'),
  fails('etcdctl put never x --ignore-lease', 'etcdserver: key not found'),
  fails('etcdctl put hello x --lease=1234', 'etcdserver: requested lease not found'),
  prints('etcdctl put hello again --ignore-lease', 'OK'),
  prints('etcdctl put -- dash -value', 'OK'),
  prints('etcdctl del nothing', '0'),
  prints('etcdctl del hello --prev-kv', '1', 'hello', 'again'),
  prints('etcdctl del --prefix app/ --prev-kv', '3', 'app/a', '3', 'app/b', '1', 'app/c', '2'),
  prints('etcdctl del --from-key p', '1'),
  prints('for key in k k1 k2; do etcdctl put $key 1; done', 'OK', 'OK', 'OK'),
  prints('etcdctl del k k2', '2'),
];

const transactions: readonly ShellCommand[] = [
  txn(
    'mod("k2") > "0"\\n\\nput k2 overwritten\\nget k2\\n\\nput k2 new\\n\\n',
    ...['SUCCESS', '', 'OK', '', 'k2', 'overwritten'],
  ),
  txn(
    'value("k2") = "nothing"\\n\\nput k2 x\\n\\nget k2\\ndel k2\\n\\n',
    ...['FAILURE', '', 'k2', 'overwritten', '', '1'],
  ),
  fails(
    `printf 'version("k9") = "0"\\n\\nput k9 x\\nput k9 y\\n\\n\\n' | etcdctl txn`,
    'etcdserver: duplicate key given in txn request',
  ),
  txn(
    'create("k2") = "0"\\n\\nput a/1 one\\nput a/2 two\\n\\nget k2\\n\\n',
    'SUCCESS',
    '',
    'OK',
    '',
    'OK',
  ),
  txn(
    'version("a/1") = "1"\\nvalue("a/2") < "z"\\n\\nget --prefix a/\\n\\n\\n',
    ...['SUCCESS', '', 'a/1', 'one', 'a/2', 'two'],
  ),
  txn('mod("a/1") = "1"\\n\\n\\ndel --prefix a/\\n\\n', 'FAILURE', '', '2'),
  fails("printf 'nonsense\\n\\n\\n\\n' | etcdctl txn", 'malformed comparison: nonsense', 3),
];

const leases: readonly ShellCommand[] = [
  {
    line: 'etcdctl lease grant 100',
    prints: /^lease ([0-9a-f]{16}) granted with TTL\(100s\)\n$/,
    saves: 'LEASE',
  },
  prints('etcdctl put leased/a 1 --lease=$LEASE', 'OK'),
  prints('etcdctl put leased/b 2 --lease=$LEASE', 'OK'),
  {
    line: 'etcdctl lease timetolive $LEASE',
    prints: /^lease [0-9a-f]{16} granted with TTL\(100s\), remaining\((?:9\d|100)s\)\n$/,
  },
  {
    line: 'etcdctl lease timetolive $LEASE --keys',
    prints: /, remaining\(\d+s\), attached keys\(\[leased\/a leased\/b\]\)\n$/,
  },
  { line: 'etcdctl lease list', prints: /^found 1 leases\n[0-9a-f]{16}\n$/ },
  {
    line: 'etcdctl lease keep-alive --once $LEASE',
    prints: /^lease [0-9a-f]{16} keepalived with TTL\(100\)\n$/,
  },
  {
    line: 'etcdctl lease keep-alive $LEASE',
    prints: /^lease [0-9a-f]{16} keepalived with TTL\(100\)\n/,
    exits: 'never',
  },
  prints('etcdctl put leased/b 3 --ignore-lease', 'OK'),
  { line: 'etcdctl lease revoke $LEASE', prints: /^lease [0-9a-f]{16} revoked\n$/ },
  prints('etcdctl get --prefix leased/'),
  { line: 'etcdctl lease grant 0', prints: /^lease [0-9a-f]{16} granted with TTL\(2s\)\n$/ },
  { line: 'etcdctl lease grant -- -5', prints: /^lease [0-9a-f]{16} granted with TTL\(2s\)\n$/ },
  fails(
    'etcdctl lease grant 9000000001',
    'failed to grant lease (etcdserver: too large lease TTL)',
  ),
  prints('etcdctl lease timetolive 4d2', 'lease 00000000000004d2 already expired'),
  fails(
    'etcdctl lease revoke 4d2',
    'failed to revoke lease (etcdserver: requested lease not found)',
  ),
  fails('etcdctl lease keep-alive --once 4d2', 'etcdserver: requested lease not found', 2),
  prints('etcdctl lease keep-alive 4d2', 'lease 00000000000004d2 expired or revoked.'),
];

const watches: readonly ShellCommand[] = [
  prints('etcdctl put w/1 one && etcdctl put w/1 two && etcdctl put w/2 three', 'OK', 'OK', 'OK'),
  {
    line: 'etcdctl watch --prefix w/ --rev=2',
    prints: 'PUT\nw/1\none\nPUT\nw/1\ntwo\nPUT\nw/2\nthree\n',
    exits: 'never',
  },
  {
    line: 'etcdctl watch w/1 --rev=2 --prev-kv',
    prints: 'PUT\nw/1\none\nPUT\nw/1\none\nw/1\ntwo\n',
    exits: 'never',
  },
  {
    line: '(until etcdctl put w/9 new; do sleep 0.1; done; etcdctl del w/9) >/dev/null & etcdctl watch w/0 w/99 --rev=2',
    prints: 'PUT\nw/1\none\nPUT\nw/1\ntwo\nPUT\nw/2\nthree\nPUT\nw/9\nnew\nDELETE\nw/9\n\n',
    exits: 'never',
  },
  {
    line: "etcdctl watch w/2 --rev=2 -- sh -c 'echo $ETCD_WATCH_EVENT_TYPE $ETCD_WATCH_KEY $ETCD_WATCH_VALUE'",
    prints: 'PUT\nw/2\nthree\n"PUT" "w/2" "three"\n',
    exits: 'never',
  },
  {
    line: '(echo watch w/2 --rev=2; sleep 20) | etcdctl watch -i',
    prints: 'PUT\nw/2\nthree\n',
    exits: 'never',
  },
];

const history: readonly ShellCommand[] = [
  prints('etcdctl compaction 5', 'compacted revision 5'),
  prints('etcdctl compaction 9 --physical', 'compacted revision 9'),
  fails('etcdctl compaction 5', 'etcdserver: mvcc: required revision has been compacted'),
  fails('etcdctl compaction 999', 'etcdserver: mvcc: required revision is a future revision'),
  fails('etcdctl compaction x', 'strconv.ParseInt: parsing "x": invalid syntax'),
  fails('etcdctl get hello --rev=2', 'etcdserver: mvcc: required revision has been compacted'),
  {
    line: 'etcdctl watch hello --rev=2',
    prints: /watch was canceled \(etcdserver: mvcc: required revision has been compacted\)/,
    exits: 5,
  },
];

const locks: readonly ShellCommand[] = [
  prints('etcdctl lock mine echo held', 'held'),
  { line: 'etcdctl lock mine', prints: /^mine\/[0-9a-f]+\n+$/, exits: 'never' },
  {
    line: 'etcdctl lock mine -- etcdctl get --prefix mine/ --keys-only',
    prints: /^mine\/[0-9a-f]+\n\n$/,
  },
  prints('etcdctl get --prefix mine/'),
  { line: 'etcdctl lock mine --ttl=5 -- sh -c "exit 3"', prints: /exit status 3/, exits: 1 },
  {
    line: 'etcdctl elect office me',
    prints: /^office\/[0-9a-f]+\nme\n$/,
    exits: 'never',
    meanwhile: [/me\n/, 'etcdctl get --prefix office/ --print-value-only'],
  },
  prints('etcdctl get --prefix office/'),
];

const cluster: readonly ShellCommand[] = [
  {
    line: 'etcdctl endpoint health',
    prints: /^(\S+ is healthy: successfully committed proposal: took = \S+\n)+$/,
  },
  {
    line: 'etcdctl endpoint status',
    prints:
      /^(\S+, [0-9a-f]+, \d+\.\d+\.\d+, [\d.]+ [kM]?B, (true|false), false, \d+, \d+, \d+, \n)+$/,
  },
  {
    line: 'etcdctl endpoint status -w fields',
    prints:
      /"ClusterID" : \d+\n"MemberID" : \d+\n"Revision" : \d+\n[\s\S]*"IsLearner" : false\n[\s\S]*"Errors" : \[\]/,
  },
  {
    line: 'etcdctl endpoint status -w json',
    prints: /^\[\{"Endpoint":"[^"]+","Status":\{"header":\{"cluster_id":\d+/,
  },
  { line: 'etcdctl endpoint health --cluster', prints: /is healthy/ },
  {
    line: 'etcdctl member list',
    prints: /^([0-9a-f]+, started, \w+, http:\/\/\S+, http:\/\/\S+, false\n)+$/,
  },
  { line: 'etcdctl member list -w table', prints: /\| +started +\|/ },
  prints('etcdctl alarm list'),
  prints('etcdctl alarm disarm'),
  { line: 'etcdctl defrag', prints: /^(Finished defragmenting etcd member\[\S+\]\n)+$/ },
  fails('etcdctl move-leader', 'move-leader command needs 1 argument', 128),
  { ...fails('etcdctl move-leader 1234', 'etcdserver: bad leader transferee'), notWith: 3 },
  {
    line: 'etcdctl move-leader $FOLLOWER',
    prints: /^Leadership transferred from [0-9a-f]+ to [0-9a-f]+\n$/,
    notWith: 1,
  },
  { line: 'etcdctl endpoint health', prints: /is healthy/ },
  { line: 'etcdctl version', prints: /^etcdctl version: / },
];

const asRoot = 'etcdctl --user root:secret';
const asAda = 'etcdctl --user ada:hers';

const rights: readonly ShellCommand[] = [
  fails('etcdctl auth enable', 'etcdserver: root user does not exist'),
  prints("etcdctl user add root --new-user-password='secret'", 'User root created'),
  fails('etcdctl user add root:again --interactive=false', 'etcdserver: user name already exists'),
  prints('etcdctl role add root', 'Role root created'),
  fails('etcdctl role add root', 'etcdserver: role name already exists'),
  prints('etcdctl user grant-role root root', 'Role root is granted to user root'),
  prints("etcdctl user add ada --new-user-password='hers'", 'User ada created'),
  prints('etcdctl role add ops', 'Role ops created'),
  prints('etcdctl role grant-permission ops readwrite --prefix=true app/', 'Role ops updated'),
  prints('etcdctl role grant-permission ops read shared', 'Role ops updated'),
  prints('etcdctl user grant-role ada ops', 'Role ops is granted to user ada'),
  fails('etcdctl user grant-role ada nothing', 'etcdserver: role name not found'),
  fails('etcdctl user grant-role nobody ops', 'etcdserver: user name not found'),
  prints('etcdctl auth enable', 'Authentication Enabled'),
  fails('etcdctl get app/a', 'etcdserver: user name is empty'),
  fails(
    'etcdctl --user ada:his get app/a',
    'etcdserver: authentication failed, invalid user ID or password',
    2,
  ),
  prints(`${asAda} put app/x 1`, 'OK'),
  prints(`${asAda} get app/x`, 'app/x', '1'),
  fails(`${asAda} get hello`, 'etcdserver: permission denied'),
  prints(`${asAda} get shared`),
  fails(`${asAda} put shared 1`, 'etcdserver: permission denied'),
  fails(`${asAda} get --from-key app/`, 'etcdserver: permission denied'),
  fails(`${asAda} user list`, 'etcdserver: permission denied'),
  fails(`${asAda} auth disable`, 'etcdserver: permission denied'),
  prints(`${asAda} user get ada`, 'User: ada', 'Roles: ops'),
  prints(`${asRoot} user list`, 'ada', 'root'),
  prints(`${asRoot} role list`, 'ops', 'root'),
  prints(
    `${asRoot} role get ops`,
    ...['Role ops', 'KV Read:', '\t[app/, app0) (prefix app/)', '\tshared'],
    ...['KV Write:', '\t[app/, app0) (prefix app/)'],
  ),
  prints(
    `${asRoot} role revoke-permission ops shared`,
    'Permission of key shared is revoked from role ops',
  ),
  fails(
    `${asRoot} role revoke-permission ops shared`,
    'etcdserver: permission is not granted to the role',
  ),
  fails(`${asAda} get shared`, 'etcdserver: permission denied'),
  prints(`printf 'new' | ${asRoot} user passwd ada --interactive=false`, 'Password updated'),
  fails(`${asAda} get app/x`, 'etcdserver: authentication failed, invalid user ID or password', 2),
  prints('etcdctl --user ada:new get app/x', 'app/x', '1'),
  prints(`${asRoot} user revoke-role ada ops`, 'Role ops is revoked from user ada'),
  fails(`${asRoot} user revoke-role ada ops`, 'etcdserver: role is not granted to the user'),
  prints(`${asRoot} role delete ops`, 'Role ops deleted'),
  fails(`${asRoot} user delete root`, 'etcdserver: invalid auth management'),
  prints(`${asRoot} user delete ada`, 'User ada deleted'),
  fails(`${asRoot} user get ada`, 'etcdserver: user name not found'),
  prints(`${asRoot} auth disable`, 'Authentication Disabled'),
  prints(`${asRoot} get app/x`, 'app/x', '1'),
  prints('etcdctl del app/x', '1'),
];

const membersAndBackups: readonly ShellCommand[] = [
  { line: 'etcdctl endpoint hashkv', prints: /^(\S+, \d+\n)+$/ },
  {
    line: 'ETCDCTL_ENDPOINTS=$ONE etcdctl snapshot save $DIRECTORY/save.db && wc -c < $DIRECTORY/save.db',
    prints: /Snapshot saved at \S+\/save\.db\n\d+\n$/,
  },
  fails('etcdctl member remove 1234', 'etcdserver: member not found'),
  fails(
    'etcdctl member update 1234 --peer-urls=http://127.0.0.1:1',
    'etcdserver: member not found',
  ),
];

/** In order. */
export const script: Readonly<Record<string, readonly ShellCommand[]>> = {
  'keys and values': keysAndValues,
  transactions,
  leases,
  watches,
  history,
  'locks and elections': locks,
  'the cluster': cluster,
  rights,
  'members and backups': membersAndBackups,
};
