import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Command } from 'commander';
import { pathOf } from '../../cli/src/grammar/grammar.ts';
import { processIo } from '../../cli/src/io.ts';
import { buildProgram } from '../../cli/src/program.ts';
import { membersBadUse } from '../harness/bad-use-of-members.ts';
import { type BadUse, rebootBadUse } from '../harness/bad-use-of-reboot.ts';
import { rightsBadUse } from '../harness/bad-use-of-rights.ts';
import { lockstep } from '../harness/command.ts';
import { FakeMember } from '../harness/fake-member.ts';

/**
 * For each verb what is missing, too much, malformed and contradictory, and the first line of what it
 * says, or more of it. Every one is exit code 1, writes nothing to standard output and changes nothing.
 */
const table: Readonly<Record<string, readonly BadUse[]>> = {
  serve: [
    ['extra', 'serve takes no arguments'],
    ['--electoin-ms 3', /unknown option '--electoin-ms'\n\(Did you mean --election-ms\?\)/],
    ['--listen', "option '--listen <host:port>' argument missing"],
    ['--listen x', /--listen is not host:port; write host:port, for example 127\.0\.0\.1:2379/],
    ['--heartbeat-ms 0', /--heartbeat-ms must be a whole number from 10 to 60000 \(given: "0"\)/],
    ['--config /nowhere.yaml', /cannot read the configuration \/nowhere\.yaml: .*no such file/],
  ],
  dev: [
    ['extra', 'dev takes no arguments'],
    ['--members 2', '--members is 2; it must be 1, 3 or 5'],
    ['--members x', /--members is "x"; it must be a whole number/],
    ['--base-port 99999', /--base-port is 99999; it must be 1 to 65530/],
  ],
  put: [
    ['', /missing required argument 'key'\n {2}usage: lockstep put \[options\] <key> \[value\]/],
    ['a b c', /put takes at most 2, not 3\n.*\n {2}A value with blanks goes in quotes\./],
    ["'' b", /key is not provided\n {2}a key has at least one character/],
    ['a b --prefix', "unknown option '--prefix'"],
    ['a b --lease x', '--lease is "x"; it must be a whole number of 64 bits'],
    [
      'a b --lease 9',
      /requested lease not found\n {2}"lockstep lease list" prints those there are/,
    ],
    ['a b --ignore-value', 'a value and --ignore-value exclude each other: give one of them'],
    [
      'a --ignore-value',
      /key not found\n {2}--ignore-value and --ignore-lease keep what a key has/,
    ],
    ['a b --lease 1 --ignore-lease', /--lease and --ignore-lease exclude each other/],
    ['a b -w table', '"put" prints no table: use --output simple or json'],
    ['-a b', /unknown option '-a'\n {2}A key or value that begins with "-" goes after "--"\./],
  ],
  get: [
    [
      '',
      /missing required argument 'key'\n.*usage: .*\n {2}for all keys: lockstep get '' --prefix/,
    ],
    ['a b c', 'get takes at most 2, not 3'],
    ['a b --prefix', 'a range end and --prefix exclude each other: give one of them'],
    ['a --prefix --from-key', '--prefix and --from-key exclude each other'],
    ['a --rev -1', '--rev is "-1"; it must be a whole number, 0 or more'],
    ['a --limit x', '--limit is "x"; it must be a whole number, 0 or more'],
    ['a --order up', '--order is "up"; it must be ASCEND or DESCEND'],
    ['a --sort-by size', /--sort-by is "size"; it must be CREATE, KEY, MODIFY, VALUE or VERSION/],
    ['a --consistency x', /argument 'x' is invalid\. Allowed choices are l, s\./],
    ['a --keys-only --print-value-only', /--keys-only and --print-value-only exclude each other/],
    ['a --keys-only --count-only', /--keys-only and --count-only exclude each other/],
    ['a --watch --limit 1', /--watch and --limit exclude each other/],
    ['a --watch --count-only', /--watch and --count-only exclude each other/],
    ['a --watch --print-value-only', /--watch and --print-value-only exclude each other/],
    ['a --watch -w table', '"get --watch" prints no table: use --output simple or json'],
    ['a --timeout never', '--timeout is "never"; write for example 5s, 500ms or 1m'],
    ['a --timeout 0', '--timeout is "0"; write for example 5s, 500ms or 1m'],
    ['a --endpoints ,', '--endpoints names no member; write for example 127.0.0.1:2379'],
    ["a --endpoints 'a b'", /the endpoint "a b" is no address: write host:port, for example/],
    ['a -w yaml', /argument 'yaml' is invalid\. Allowed choices are simple, json, table\./],
  ],
  del: [
    [
      '',
      /missing required argument 'key'\n.*usage: .*\n {2}for all keys: lockstep del '' --prefix/,
    ],
    ['a b c', 'del takes at most 2, not 3'],
    ['a b --from-key', 'a range end and --from-key exclude each other: give one of them'],
    ['a --all', "unknown option '--all'"],
    ['a -w table', '"del" prints no table: use --output simple or json'],
  ],
  txn: [
    ['extra', 'txn takes no arguments'],
    ['--file x', "unknown option '--file'"],
    ['', /the input ended within the compares: end each of the three sections/],
    ['-w table', '"txn" prints no table: use --output simple or json'],
  ],
  watch: [
    ['', /missing required argument 'key'\n.*usage: lockstep watch .* \[-- command\.\.\.\]\n/],
    ['a b c', /"c" is too much: .* further keys go after --also, a command after "--"/],
    ['a b --prefix', 'a range end and --prefix exclude each other: give one of them'],
    ['a --rev x', '--rev is "x"; it must be a whole number, 0 or more'],
    ['a --filter put', /argument 'put' is invalid\. Allowed choices are noput, nodelete\./],
    ['a -w table', '"watch" prints no table: use --output simple or json'],
    ['a --', 'there is no command after "--"'],
    ['a --exit-on-error', '--exit-on-error is about a command: give one after "--"'],
    ['a -w json -- true', /--output json and a command exclude each other/],
    ['a --progress-notify -- true', /--progress-notify and a command exclude each other/],
  ],
  lease: [
    ['', /^Usage: lockstep lease [\s\S]*keep-alive <id> +renew a lease until Ctrl-C/],
    ['foo', /unknown command 'foo'\n {2}lease has grant, keep-alive, timetolive, list, revoke/],
  ],
  'lease grant': [
    ['', /missing required argument 'ttl'\n {2}usage: lockstep lease grant \[options\] <ttl>/],
    ['5 6', 'grant takes at most 1, not 2'],
    ['10s', 'the time to live is "10s"; it must be a whole number of seconds'],
    ['-5', 'the time to live is "-5"; it must be a whole number of seconds'],
    ['0', 'the time to live is 0; it is in seconds, 1 or more'],
    ['5 --id x', '--id is "x"; it must be a whole number of 64 bits'],
    ['5 -w table', '"lease grant" prints no table: use --output simple or json'],
  ],
  'lease keep-alive': [
    ['', "missing required argument 'id'"],
    ['x', 'the lease is "x"; it must be a whole number of 64 bits'],
    ['9 --once', /there is no lease 9 .*\n {2}"lockstep lease list" prints those there are/],
    ['9 -w table', '"lease keep-alive" prints no table: use --output simple or json'],
  ],
  'lease timetolive': [
    ['', "missing required argument 'id'"],
    ['7 8', 'timetolive takes at most 1, not 2'],
    ['x', 'the lease is "x"; it must be a whole number of 64 bits'],
  ],
  'lease list': [['extra', 'list takes no arguments']],
  'lease revoke': [
    ['', "missing required argument 'id'"],
    ['beef', /the lease is "beef"; .*; for hexadecimal write 0xbeef/],
    ['9', /requested lease not found\n {2}"lockstep lease list" prints those there are/],
    ['9 -w table', '"lease revoke" prints no table: use --output simple or json'],
  ],
  lock: [
    ['', /missing required argument 'name'\n.*usage: lockstep lock .* \[-- command\.\.\.\]\n/],
    ["''", 'the name "" is empty'],
    ["'' -- true", 'the name "" is empty'],
    ['a/', 'the name "a/" ends with a slash, which stands between the name and its places'],
    ['a sleep 5', '"sleep" is too much: a command goes after "--"'],
    ['a --', 'there is no command after "--"'],
    ["a -- ''", 'there is no command after "--"'],
    ['a --ttl 1 -- true', '--ttl is "1"; it must be a whole number of seconds, 2 or more'],
    ['a --ttl 2500ms', '--ttl is "2500ms"; it must be a whole number of seconds, 2 or more'],
    ['a --ttl x', '--ttl is "x"; write for example 5s, 500ms or 1m'],
    ['a --wait never', '--wait is "never"; write for example 5s, 500ms or 1m'],
    ['a --wait 1s --try -- true', '--wait and --try exclude each other: give one of them'],
    ['a --grace 1s', '--grace is about a command: give one after "--"'],
    ['a --grace x -- true', '--grace is "x"; write for example 5s, 500ms or 1m'],
    [
      'a --grace 5s -- true',
      /--grace 5s does not fit into --ttl 10: .*; give --ttl 13 or more, or --grace 4000ms or less/,
    ],
    [
      'a --ttl 2 --grace 501ms -- true',
      /does not fit .* --ttl 3 or more, or --grace 500ms or less/,
    ],
    ['a -w table', '"lock" prints no table: use --output simple or json'],
    ['a -w json -- true', /--output json and a command exclude each other/],
  ],
  semaphore: [
    ['', /^Usage: lockstep semaphore [\s\S]*resize <name> <limit> +change the limit/],
    ['gpu -- true', /unknown command 'gpu'\n {2}semaphore has acquire, resize/],
  ],
  'semaphore acquire': [
    ['', /missing required argument 'name'\n.*usage: lockstep semaphore acquire .* \[-- command/],
    ["'' -- true", 'the name "" is empty'],
    ['a/', 'the name "a/" ends with a slash, which stands between the name and its places'],
    ['a sleep 5', '"sleep" is too much: a command goes after "--"'],
    ['a --', 'there is no command after "--"'],
    ['a --limit x -- true', '--limit is "x"; it must be a whole number, 0 or more'],
    ['a --limit -1 -- true', '--limit is "-1"; it must be a whole number, 0 or more'],
    ['a --weight 0 -- true', '--weight is "0"; it must be a whole number, 1 or more'],
    ['a --weight 1.5', '--weight is "1.5"; it must be a whole number, 1 or more'],
    ['a --ttl 1 -- true', '--ttl is "1"; it must be a whole number of seconds, 2 or more'],
    ['a --wait never', '--wait is "never"; write for example 5s, 500ms or 1m'],
    ['a --wait 1s --try', '--wait and --try exclude each other: give one of them'],
    ['a --grace 1s', '--grace is about a command: give one after "--"'],
    ['a -w table', '"semaphore acquire" prints no table: use --output simple or json'],
    ['a -w json -- true', /--output json and a command exclude each other/],
  ],
  'semaphore resize': [
    ['', "missing required argument 'name'"],
    ['a', "missing required argument 'limit'"],
    ['a 1 2', 'resize takes at most 2, not 3'],
    ["'' 1", 'the name "" is empty'],
    ['a/ 1', /the name "a\/" ends with a slash/],
    ['a many', 'the limit is "many"; it must be a whole number, 0 or more'],
    ['a -1', 'the limit is "-1"; it must be a whole number, 0 or more'],
    ["a ''", 'the limit is ""; it must be a whole number, 0 or more'],
    ['a 1 -w table', '"semaphore resize" prints no table: use --output simple or json'],
  ],
  elect: [
    ['', /missing required argument 'name'\n.*usage: lockstep elect .* \[-- command\.\.\.\]\n/],
    ["'' x", 'the name "" is empty'],
    ['a/ x', 'the name "a/" ends with a slash, which stands between the name and its places'],
    ['a.candidates x', /the name "a\.candidates" ends with "\.candidates"/],
    ['a', 'a candidate proposes a value: give one, or --listen to see who leads'],
    ['a -- true', 'a candidate proposes a value: give one, or --listen to see who leads'],
    ['a x sleep 5', '"sleep" is too much: a command goes after "--"'],
    ['a x --', 'there is no command after "--"'],
    ['a x --listen', '--listen takes a name alone: whoever listens is no candidate'],
    ['a --listen -- true', '--listen takes a name alone: whoever listens is no candidate'],
    ['a x --priority high', '--priority is "high"; it must be a whole number'],
    ['a x --priority 1.5', '--priority is "1.5"; it must be a whole number'],
    ['a x --ttl 1 -- true', '--ttl is "1"; it must be a whole number of seconds, 2 or more'],
    ['a x --wait never', '--wait is "never"; write for example 5s, 500ms or 1m'],
    ['a x --grace 1s', '--grace is about a command: give one after "--"'],
    ['a x -w table', '"elect" prints no table: use --output simple or json'],
    ['a x -w json -- true', /--output json and a command exclude each other/],
  ],
  inspect: [
    ['', /^Usage: lockstep inspect [\s\S]*lock <name> +print who has a lock/],
    ['foo', /unknown command 'foo'\n {2}inspect has lock, rwlock, semaphore, election/],
  ],
  'inspect election': [
    ['', "missing required argument 'name'"],
    ['a b', 'election takes at most 1, not 2'],
    ["''", 'the name "" is empty'],
    ['a/', /the name "a\/" ends with a slash/],
  ],
  'inspect rwlock': [
    ['', "missing required argument 'name'"],
    ['a b', 'rwlock takes at most 1, not 2'],
    ["''", 'the name "" is empty'],
    ['a/', /the name "a\/" ends with a slash/],
  ],
  'inspect semaphore': [
    ['', "missing required argument 'name'"],
    ['a b', 'semaphore takes at most 1, not 2'],
    ["''", 'the name "" is empty'],
    ['a/', /the name "a\/" ends with a slash/],
    ['a', /there is no semaphore "a" yet.*\n {2}"lockstep semaphore acquire" declares one/],
  ],
  'inspect lock': [
    ['', "missing required argument 'name'"],
    ['a b', 'lock takes at most 1, not 2'],
    ["''", 'the name "" is empty'],
    ['a/', /the name "a\/" ends with a slash/],
  ],
  ...rebootBadUse,
  ...rightsBadUse,
  'reboot serve': [
    ['extra', 'serve takes no arguments'],
    [
      '--listen 3333',
      /"3333" is no address; it should look like 127\.0\.0\.1:3333 or \[::1\]:3333/,
    ],
    ['--listen 127.0.0.1:99999', /"127\.0\.0\.1:99999" is no address/],
    ['--listen 203.0.113.1:3333', /cannot listen on 203\.0\.113\.1:3333: this machine has no such/],
    ['--hold x', '--hold is "x"; write for example 5s, 500ms or 1m'],
    ['--hold 999ms', '--hold is "999ms"; it must be 1s to 25m'],
    ['--hold 26m', '--hold is "26m"; it must be 1s to 25m'],
    ['--notify chat.example', /"chat\.example" is no URL; write for example https:/],
    ['--notify ftp://chat.example', 'a webhook has http or https, not ftp: (chat.example)'],
    ['--notify http://a.example/ --notify http://a.example', /a webhook is named twice/],
    ['--cert-file x', '--cert-file and --key-file belong together: give both'],
    ['--key-file x', '--cert-file and --key-file belong together: give both'],
    ['--client-ca x', '--client-ca is about HTTPS: give --cert-file and --key-file'],
    ['--client-cert-groups', '--client-cert-groups is about --client-ca: give it'],
    [
      '--cert-file a --key-file b --client-cert-groups',
      /--client-cert-groups is about --client-ca/,
    ],
    [
      '--cert-file /nowhere.pem --key-file /nowhere.pem',
      /cannot read --cert-file \/nowhere\.pem: .*no such file/,
    ],
    ['-w table', '"reboot serve" prints no table: use --output simple or json'],
  ],
  'reboot fleetlock': [
    ['', /^Usage: lockstep reboot fleetlock [\s\S]*unlock +give the slot of a group back/],
    ['release', /unknown command 'release'\n {2}fleetlock has lock, unlock/],
  ],
  'reboot fleetlock lock': [
    ['', "required option '--url <url>' not specified"],
    ['--url http://a --id x', "required option '--group <name>' not specified"],
    ['--url http://a --group web', "required option '--id <text>' not specified"],
    ['--url a:1 --group web --id x', '--url is "a:1"; write for example http://127.0.0.1:3333'],
    ['--url http://a --group web_1 --id x', /--group is "web_1"; it must be letters, digits/],
    ["--url http://a --group web --id ' '", '--id is empty; it says who holds the slot'],
    ['--url http://a --group web --id x --wait y', /--wait is "y"; write for example 5s/],
    [
      '--url http://a --group web --id x --token-file /nowhere',
      /cannot read --token-file \/nowhere/,
    ],
    ['--url http://a --group web --id x extra', 'lock takes no arguments'],
    ['--url http://a --group web --id x -w table', /"reboot fleetlock lock" prints no table/],
  ],
  'reboot fleetlock unlock': [
    ['', "required option '--url <url>' not specified"],
    ['--url http://a --group web --id x --wait 1s', "unknown option '--wait'"],
    ["--url http://a --group '' --id x", /--group is ""; it must be letters, digits/],
    ['--url http://a --group web --id x -w table', /"reboot fleetlock unlock" prints no table/],
  ],
  endpoint: [
    ['', /^Usage: lockstep endpoint [\s\S]*health +whether each endpoint can serve/],
    [
      'helth',
      /unknown command 'helth'\n\(Did you mean health\?\)\n {2}endpoint has status, health/,
    ],
  ],
  'endpoint status': [['extra', 'status takes no arguments']],
  'endpoint health': [['extra', 'health takes no arguments']],
  status: [
    ['extra', 'status takes no arguments'],
    ['--clustr', /unknown option '--clustr'\n\(Did you mean --cluster\?\)/],
  ],
  health: [['extra', 'health takes no arguments']],
  ...membersBadUse,
  'move-leader': [
    [
      '',
      /missing required argument 'member'\n {2}usage: lockstep move-leader \[options\] <member>/,
    ],
    ['a b', 'move-leader takes at most 1, not 2'],
    ['nobody', 'there is no member "nobody"; the members are m1 (1)'],
    ['m1 -w table', '"move-leader" prints no table: use --output simple or json'],
  ],
  certs: [['foo', /unknown command 'foo'/]],
  'certs dev': [
    ['--hosts a:1', /--hosts has "a:1", which is neither the name of a host nor an IP address/],
    ['x', 'dev takes no arguments'],
  ],
  compact: [
    ['', "missing required argument 'revision'"],
    ['1 2', 'compact takes at most 1, not 2'],
    ['x', 'the revision is "x"; it must be a whole number, 1 or more'],
    ['0', 'the revision is "0"; it must be a whole number, 1 or more'],
    ['99', /required revision is a future revision\n {2}"lockstep status" tells the newest/],
    ['1 -w table', '"compact" prints no table: use --output simple or json'],
  ],
  alarm: [
    ['', /^Usage: lockstep alarm [\s\S]*disarm +clear all alarms/],
    ['foo', /unknown command 'foo'\n {2}alarm has list, disarm/],
  ],
  'alarm list': [['extra', 'list takes no arguments']],
  'alarm disarm': [['extra', 'disarm takes no arguments']],
  completion: [
    ['', "missing required argument 'shell'"],
    ['tcsh', "'tcsh' is no shell. Allowed choices are bash, zsh, fish."],
    ['bash zsh', 'completion takes at most 1, not 2'],
  ],
  help: [
    ['foo', /there is no help on "foo": there is some on serve, .*exit-codes, environment/],
    ['lease foo', /there is no help on "lease foo": lease has grant, keep-alive/],
    ['put x', 'there is no help on "put x": put has no verbs'],
  ],
};

const program: readonly BadUse[] = [
  ['pt a', /unknown command 'pt'\n\(Did you mean put\?\)/],
  ['ls', /unknown command 'ls'\n {2}To list all keys: lockstep get '' --prefix --keys-only/],
  ['mutex x', /unknown command 'mutex'\n {2}there are serve, dev, put, get/],
  [
    'unlock x',
    /unknown command 'unlock'\n\(Did you mean lock\?\)\n {2}A lock is released when the command/,
  ],
  ['--endpoint x', /unknown option '--endpoint'\n\(Did you mean --endpoints\?\)/],
  ['get --timeout', "option '--timeout <duration>' argument missing"],
];

function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
}

async function assertRefuses(t: TestContext, verb: string, rows: readonly BadUse[]): Promise<void> {
  const member = await FakeMember.start();
  t.after(() => member.stop());
  const env = { LOCKSTEP_ENDPOINTS: member.address };
  for (const [line, says] of rows) {
    const args = [...wordsOf(verb), ...wordsOf(line)];
    const { exitCode, stdout, stderr } = await lockstep(args, { env });
    const what = `lockstep ${args.join(' ')}: ${stderr}`;
    if (typeof says === 'string') assert.equal(stderr.split('\n')[0], `lockstep: ${says}`, what);
    else assert.match(stderr, says, what);
    assert.deepEqual([exitCode, stdout.toString()], [1, ''], what);
  }
  assert.equal(member.store.revision, 1, 'nothing was changed');
}

for (const [verb, rows] of Object.entries(table)) {
  test(`${verb}: wrong use is refused with what would be right`, (t) =>
    assertRefuses(t, verb, rows));
}

test('verbs and shared options that are not there are refused with those that are', (t) =>
  assertRefuses(t, '', program));

test('every verb of the program is in the table', () => {
  const all = (command: Command): string[] =>
    command.commands.flatMap((one) => [pathOf(one).join(' '), ...all(one)]);
  assert.deepEqual(Object.keys(table).sort(), all(buildProgram(processIo).command).sort());
});
