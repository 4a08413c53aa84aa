import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startCluster } from '../harness/real-cluster.ts';
import { noRedis, RedisProcess } from '../harness/redis-process.ts';

const folder = fileURLToPath(new URL('../../examples', import.meta.url));
const run = promisify(execFile);

/** What each prints, to the letter. */
const printed: Readonly<Record<string, string>> = {
  '01-put-and-get.js': `greeting = hello version 1
not written: the key has changed since it was read
greeting = good morning, world version 3
deleted 1
`,
  '02-transaction.js': `30: done
90: not enough
alice has 60
bob has 60
`,
  '03-lease-and-session.js': `registered: 10.0.0.1:8080
valid for more than 3 s: true
the session ended: the session is closed
registered: 0
`,
  '04-live-config.js': `color is blue (fresh)
put color blue
put color green
put size large
delete color${' '}
size=large
`,
  '06-mutex.js': `the report was made by host-1
held by host-1, and waiting at place 1
the next token is larger: true
refused: the lock is lost: its key is gone, so nothing was written
the report was still made by host-1
released what was gone: false
`,
  '07-killed-holder.js': `one has the lock
two waits
two has the lock, after the lease of one: true
its token is larger: true
`,
  '08-election-failover.js': `nobody leads
host-1 leads
nobody leads
host-2 leads
the second token is larger: true
`,
  '09-semaphore.js': `two hold, two wait: 2 of 2 in use, 2 waiting
one more came in: 3 of 3 in use, 1 waiting
one too many holds: 3 of 2 in use, 1 waiting
the heavy one came in: 2 of 2 in use, 0 waiting
another program declares 9: refused
`,
  '10-redis-fenced-write.js': `written by the first
written by the second
refused: its token is smaller: true
still by the second
replies 1,42
`,
  '11-redis-mirror.js': `cfg:color = blue
-- two keys change at once
cfg:color = green
cfg:size = large
-- while no mirror runs
cfg:color = green
cfg:size = large
-- and when one runs again
cfg:size = large
Redis shows the newest revision: true
`,
  '12-leaving-redlock.js': `held for more than 3 s: true
held for more than 3 s: true
somebody has it
a token: true
moved: a 0 b 3
`,
  '13-rolling-reboot.js': `all wait
host-1 takes no new requests
host-1 goes down in its boot 1
host-1 takes requests again, with version 1.2
host-2 takes no new requests
host-2 goes down in its boot 1
host-2 takes requests again, with version 1.2
host-3 takes no new requests
host-3 goes down in its boot 1
host-3 takes requests again, with version 1.2
3 slots granted, 3 done, 0 failed
`,
};

test('every example does what it says, in plain Node, on the built packages', async (t) => {
  const cluster = await startCluster(t, 1);
  const names = readdirSync(folder).filter((name) => name.endsWith('.js'));
  assert.deepEqual(names, Object.keys(printed));
  for (const name of names) await check(name, cluster, {});
});

test('the examples with Redis do the same on a real one', { skip: noRedis }, async (t) => {
  const server = new RedisProcess();
  t.after(() => server.kill());
  const [cluster] = await Promise.all([startCluster(t, 1), server.start()]);
  const names = Object.keys(printed).filter((name) => /redis/.test(name));
  assert.equal(names.length, 2);
  for (const name of names) await check(name, cluster, { REDIS_URL: server.path });
  const redis = server.connect();
  t.after(() => redis.disconnect());
  assert.deepEqual(await redis.keys('*'), [], 'they leave nothing behind');
  assert.match(
    await redis.info('commandstats'),
    /cmdstat_eval:.*cmdstat_exec:|cmdstat_exec:.*cmdstat_eval:/s,
  );
});

async function check(
  name: string,
  { endpoints }: { readonly endpoints: readonly string[] },
  variables: Readonly<Record<string, string>>,
): Promise<void> {
  const env = { ...process.env, LOCKSTEP_ENDPOINTS: endpoints.join(), ...variables };
  const { stdout, stderr } = await run(process.execPath, [join(folder, name)], { env });
  assert.equal(stdout, printed[name], name);
  assert.equal(stderr, '', name);
}

test('no example is longer than a screen, and each is in the list', () => {
  const list = readFileSync(join(folder, 'README.md'), 'utf8');
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const isSource = entry.isFile() && /\.(js|html)$/.test(entry.name);
    const file = join(entry.parentPath, entry.name);
    if (!isSource || file.includes('node_modules')) continue;
    const lines = readFileSync(file, 'utf8').split('\n').length;
    assert.ok(lines <= 60, `${file} has ${lines} lines`);
  }
  for (const name of readdirSync(folder)) {
    if (/^\d\d-/.test(name)) assert.ok(list.includes(`[${name}](`), name);
  }
});
