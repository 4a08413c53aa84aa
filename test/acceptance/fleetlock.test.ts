import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  freePorts,
  http,
  lockstep,
  Program,
  temporaryDirectory,
  until,
} from '../harness/processes.ts';
import { MemberProcess, planMembers } from '../harness/real-cluster.ts';
import {
  curlWords,
  type FleetLockRow,
  fleetLockTable,
  sentBody,
  token,
} from './fleetlock-table.ts';

interface Run {
  readonly code: number | null;
  readonly output: string;
}

async function run(file: string, words: readonly string[], input = ''): Promise<Run> {
  const child = spawn(file, words, { stdio: 'pipe' });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  child.stdin.on('error', () => {}); // It need not read all of it.
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  return { code, output };
}

interface Seen {
  readonly status: number;
  readonly kind: string;
  readonly head: string;
  readonly text: string;
}

async function curl(row: FleetLockRow, base: string): Promise<Seen> {
  const { output } = await run('curl', curlWords(row, base), sentBody(row));
  // An answer that tells to go on is before the one that counts.
  const answer = output.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, '');
  const end = answer.indexOf('\r\n\r\n');
  const [head, text] = [answer.slice(0, end + 2), answer.slice(end + 4)];
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]);
  const kind = text === '' ? 'ok' : String((JSON.parse(text) as { kind?: unknown }).kind);
  return { status, kind, head, text };
}

async function oneMember(): Promise<MemberProcess> {
  const [plan] = await planMembers(1);
  assert(plan !== undefined);
  const member = new MemberProcess(plan);
  member.start();
  await member.ready();
  return member;
}

async function serveReboots(member: MemberProcess, ...words: string[]) {
  const program = new Program([
    ...['reboot', 'serve', '--listen', '127.0.0.1:0', '--hold', '1s'],
    ...['--endpoints', member.address, ...words],
  ]);
  const [, base = ''] = await program.said(/FleetLock at (https?:\/\/127\.0\.0\.1:\d+)/);
  return { program, base, address: base.replace(/^https?:\/\//, '') };
}

async function declare(member: MemberProcess, group: string, more: object = {}): Promise<void> {
  const policy = JSON.stringify({ limit: { count: 1 }, ...more });
  const words = ['put', `reboot/groups/${group}`, policy, '--endpoints', member.address];
  assert.equal((await lockstep(words)).code, 0);
}

/** Undefined while there is no such host, or it wants nothing. */
async function isAsking(member: MemberProcess, id: string): Promise<boolean | undefined> {
  const words = ['get', `reboot/hosts/${id}`, '--print-value-only'];
  const { stdout } = await lockstep([...words, '--endpoints', member.address]);
  return JSON.parse(stdout || '{}').request?.isAsking;
}

describe('FleetLock of "lockstep reboot serve", asked by curl', () => {
  let member: MemberProcess;
  let server: Awaited<ReturnType<typeof serveReboots>>;

  before(async () => {
    member = await oneMember();
    for (const group of ['web', 'db']) await declare(member, group);
    const tokenSha256 = createHash('sha256').update(token).digest('hex');
    await declare(member, 'vault', { tokenSha256 });
    server = await serveReboots(member);
    await until(
      'it is healthy',
      async () => (await http(server.address, '/healthz')).status === 200,
    );
  });
  after(async () => {
    server.program.kill('SIGKILL');
    await member.kill();
  });

  test('the table has at least 40 rows', () => {
    assert.ok(fleetLockTable.length >= 40, `${fleetLockTable.length}`);
  });

  test('every row of the table is answered as it says, with a kind and a value, and never with a redirect', async () => {
    for (const row of fleetLockTable) {
      const { status, kind, head, text } = await curl(row, server.base);
      assert.deepEqual([status, kind], [row.status, row.kind], `${row.what}: ${head}${text}`);
      assert.doesNotMatch(head, /^location:/im, row.what);
      if (row.answers !== undefined) assert.match(head, row.answers, row.what);
      if (status === 200) continue;
      assert.match(head, /^content-type: application\/json\r$/im, row.what);
      const { value } = JSON.parse(text) as { value: string };
      assert.ok(value.length > 10, `${row.what}: ${value}`);
    }
  });

  test('metrics count the answers by call, code and kind', async () => {
    const { body } = await http(server.address, '/metrics');
    const count = (call: string, code: number, kind: string): number =>
      Number(
        new RegExp(`answers_total\\{call="${call}",code="${code}",kind="${kind}"\\} (\\d+)`).exec(
          body,
        )?.[1],
      );
    const rows = fleetLockTable.filter(
      ({ path, status, kind }) => path === '/v1/pre-reboot' && status === 400 && kind === 'bad_id',
    );
    assert.ok(count('pre-reboot', 400, 'bad_id') >= rows.length, body);
    assert.ok(count('steady-state', 200, 'ok') >= 1, body);
    assert.ok(count('other', 404, 'not_found') >= 1, body);
  });

  test('a held request is answered as soon as the slot is free', async () => {
    const { program, base } = await serveReboots(member, '--hold', '15s');
    await curl({ what: '', path: '/v1/pre-reboot', host: 'one@db', status: 200, kind: '' }, base);
    await curl({ what: '', path: '/v1/steady-state', host: 'd@db', status: 200, kind: '' }, base);
    const first = await curl({ what: '', host: 'one@db', status: 200, kind: '' }, base);
    assert.equal(first.status, 200);
    const held = curl({ what: '', host: 'two@db', status: 200, kind: '' }, base);
    await until('it waits', async () => {
      const { body } = await http(base.replace('http://', ''), '/metrics');
      return /lockstep_reboot_waiting\{group="db"\} 1/.test(body);
    });
    await curl({ what: '', path: '/v1/steady-state', host: 'one@db', status: 200, kind: '' }, base);
    const freed = performance.now();
    assert.equal((await held).status, 200);
    assert.ok(performance.now() - freed < 3_000);
    await curl({ what: '', path: '/v1/steady-state', host: 'two@db', status: 200, kind: '' }, base);
    program.kill('SIGTERM');
    assert.equal((await program.ended()).code, 0);
  });

  test('a curl that is killed while it waits leaves the slot to others', async () => {
    const one = { what: '', host: 'one@web', status: 200, kind: '' };
    assert.equal((await curl(one, server.base)).status, 200);
    const { program, base } = await serveReboots(member, '--hold', '15s');
    const waiting = spawn('curl', curlWords({ ...one, host: 'gone@web' }, base), { stdio: 'pipe' });
    waiting.stdin.end(sentBody({ ...one, host: 'gone@web' }));
    await until('it asks', async () => (await isAsking(member, 'gone')) === true);
    waiting.kill('SIGKILL');
    await until('it asks no longer', async () => (await isAsking(member, 'gone')) === false);
    await curl({ ...one, path: '/v1/steady-state' }, base);
    assert.equal((await curl({ ...one, host: 'other@web' }, base)).status, 200);
    await curl({ ...one, path: '/v1/steady-state', host: 'other@web' }, base);
    program.kill('SIGTERM');
    await program.ended();
  });

  test('a body that does not come is given up, and so is what is no HTTP', async () => {
    const slow = connect(Number(server.address.split(':')[1]), '127.0.0.1');
    slow.setEncoding('utf8');
    slow.write(
      'POST /v1/pre-reboot HTTP/1.1\r\nhost: x\r\nfleet-lock-protocol: true\r\ncontent-length: 9\r\n\r\n{',
    );
    const answers: string[] = [];
    slow.on('data', (text: string) => answers.push(text));
    const [, wrong] = await Promise.all([
      once(slow, 'close'),
      run('bash', [
        '-c',
        `exec 3<>/dev/tcp/127.0.0.1/${server.address.split(':')[1]}; printf 'hello\\r\\n\\r\\n' >&3; cat <&3`,
      ]),
    ]);
    assert.match(answers.join(''), /^HTTP\/1\.1 408 .*"kind":"body_timeout"/s);
    assert.match(wrong.output, /^HTTP\/1\.1 400 .*"kind":"not_http"/s);
  });

  test('while the store is away it is 503 with Retry-After, and 200 when it is back; serve stops with 0', async () => {
    const own = await oneMember();
    await declare(own, 'web');
    const { program, base, address } = await serveReboots(own);
    await until('it is healthy', async () => (await http(address, '/healthz')).status === 200);
    await own.kill();
    const row = { what: '', path: '/v1/pre-reboot', host: 'a@web', status: 503, kind: '' };
    const { status, kind, head } = await curl(row, base);
    assert.deepEqual([status, kind], [503, 'store_unavailable']);
    assert.match(head, /^retry-after: \d+\r$/im);
    await until('it is ill', async () => (await http(address, '/healthz')).status === 503);
    own.start();
    await until('it says yes', async () => (await curl(row, base)).status === 200, {
      withinMs: 40_000,
    });
    program.kill('SIGINT');
    assert.equal((await program.ended()).code, 0, program.describe());
    assert.match(program.stderr, /granted a of web, slot 1, by coordinator/);
    await own.kill();
  });

  test('a request that is held while the server stops is answered', async () => {
    const one = { what: '', host: 'one@web', status: 200, kind: '' };
    assert.equal((await curl(one, server.base)).status, 200);
    const { program, base } = await serveReboots(member, '--hold', '20s');
    const held = curl({ ...one, host: 'late@web' }, base);
    // Others of the group wait as well, who hung up before.
    await until('it asks', async () => (await isAsking(member, 'late')) === true);
    program.kill('SIGTERM');
    const { status, kind } = await held;
    assert.deepEqual([status, kind], [503, 'stopping']);
    assert.equal((await program.ended()).code, 0);
    await curl({ ...one, path: '/v1/steady-state' }, server.base);
  });

  test('jobs lock and unlock, and the exit code tells what it came to', async () => {
    const ask = (verb: string, id: string, ...more: string[]) =>
      lockstep([
        ...['reboot', 'fleetlock', verb, '--url', `${server.base}/`, '--id', id],
        ...(more.includes('--group') ? more : ['--group', 'db', ...more]),
      ]);
    assert.equal((await ask('lock', 'job-1')).code, 0);
    const full = await ask('lock', 'job-2', '--wait', '2s');
    assert.equal(full.code, 121);
    assert.match(full.stderr, /no slot was free within 2s: 423 failed_lock_semaphore_full/);
    const waiting = ask('lock', 'job-2');
    assert.equal((await ask('unlock', 'job-1')).code, 0);
    assert.equal((await waiting).code, 0);
    assert.equal((await ask('unlock', 'job-2')).code, 0);
    const unknown = await ask('lock', 'job-1', '--group', 'bd');
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /refused: 400 unknown_group: the group "bd" is not declared/);
    const file = join(temporaryDirectory(), 'token');
    writeFileSync(file, `${token}\n`);
    assert.equal((await ask('lock', 'job-1', '--group', 'vault')).code, 1);
    const shown = ['--group', 'vault', '--token-file', file];
    assert.equal((await ask('lock', 'job-1', ...shown)).code, 0);
    assert.equal((await ask('unlock', 'job-1', ...shown)).code, 0);
  });

  test('a job that no server answers ends with 2', async () => {
    const [port] = await freePorts(1);
    const { code, stderr } = await lockstep([
      ...['reboot', 'fleetlock', 'lock', '--url', `http://127.0.0.1:${port}`],
      ...['--group', 'web', '--id', 'x', '--timeout', '1s'],
    ]);
    assert.equal(code, 2);
    assert.match(stderr, /no server answers at 127\.0\.0\.1:\d+: .*ECONNREFUSED/);
  });

  test('with a client CA only its certificates are let in, and each for its group', async () => {
    const home = temporaryDirectory();
    await certificates(home);
    const at = (file: string): string => join(home, file);
    const { program, base } = await serveReboots(
      member,
      ...['--cert-file', at('server.pem'), '--key-file', at('server.key')],
      ...['--client-ca', at('ca.pem'), '--client-cert-groups', '--base-path', '/locks/'],
    );
    const as = (name: string): string[] => [
      ...['--cacert', at('ca.pem'), '--cert', at(`${name}.pem`), '--key', at(`${name}.key`)],
    ];
    const row = { what: '', path: '/locks//v1/steady-state', host: 'a@web', status: 200, kind: '' };
    assert.equal((await curl({ ...row, curl: as('web') }, base)).status, 200);
    const wrong = await curl({ ...row, host: 'a@db', curl: as('web') }, base);
    assert.deepEqual([wrong.status, wrong.kind], [403, 'wrong_certificate']);
    // A certificate of db neither moves nor releases a host of web.
    const moved = await curl({ ...row, host: 'a@db', curl: as('unit') }, base);
    assert.deepEqual([moved.status, moved.kind], [403, 'wrong_certificate']);
    assert.equal((await curl({ ...row, host: 'own@db', curl: as('unit') }, base)).status, 200);
    const none = await run('curl', curlWords({ ...row, curl: ['--cacert', at('ca.pem')] }, base));
    assert.notEqual(none.code, 0, none.output);
    const foreign = await run('curl', curlWords({ ...row, curl: as('stranger') }, base));
    assert.notEqual(foreign.code, 0, foreign.output);
    const outside = await curl({ ...row, path: '/v1/steady-state', curl: as('web') }, base);
    assert.equal(outside.kind, 'not_found');
    program.kill('SIGTERM');
    assert.equal((await program.ended()).code, 0);
  });
});

/** An authority, a server, a client of `web` by its name and one of `db` by its unit, and a stranger who signed for himself. */
async function certificates(home: string): Promise<void> {
  const at = (file: string): string => join(home, file);
  const openssl = async (...words: string[]): Promise<void> => {
    const { code, output } = await run('openssl', words);
    assert.equal(code, 0, output);
  };
  const key = (name: string): string[] => [
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    at(`${name}.key`),
  ];
  const self = async (name: string, subject: string): Promise<void> =>
    openssl(
      'req',
      '-x509',
      ...key(name),
      '-out',
      at(`${name}.pem`),
      '-days',
      '2',
      '-subj',
      subject,
    );
  await self('ca', '/CN=authority');
  await self('stranger', '/CN=web');
  writeFileSync(at('names'), 'subjectAltName=IP:127.0.0.1');
  for (const [name, subject] of [
    ['server', '/CN=server'],
    ['web', '/CN=web'],
    ['unit', '/OU=db/CN=any'],
  ] as const) {
    await openssl('req', '-new', ...key(name), '-out', at(`${name}.csr`), '-subj', subject);
    await openssl(
      ...['x509', '-req', '-in', at(`${name}.csr`), '-CA', at('ca.pem'), '-CAkey', at('ca.key')],
      ...['-CAcreateserial', '-out', at(`${name}.pem`), '-days', '2', '-extfile', at('names')],
    );
  }
  assert.match(readFileSync(at('server.pem'), 'utf8'), /BEGIN CERTIFICATE/);
}
