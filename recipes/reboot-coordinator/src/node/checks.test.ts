import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { type TestContext, test } from 'node:test';
import { FakeRoot } from '../../../../test/harness/fake-root.ts';
import type { CheckResult } from '../agent/host.ts';
import { PolicyError } from '../policy/fault.ts';
import { checkForms, type KeyCheck, parseCheck, runChecks } from './checks.ts';

const green = { isGreen: true };

interface Settings {
  readonly env?: NodeJS.ProcessEnv;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly keyCheck?: KeyCheck;
}

function check(texts: readonly string[], settings: Settings = {}): Promise<CheckResult> {
  const defaults = { env: process.env, timeoutMs: 60_000, signal: new AbortController().signal };
  return runChecks(texts.map(parseCheck), { ...defaults, ...settings });
}

async function whyRed(result: Promise<CheckResult>): Promise<string> {
  const found = await result;
  assert.equal(found.isGreen, false);
  return 'why' in found ? found.why : '';
}

async function portOf(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return (server.address() as AddressInfo).port;
}

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Answers with the status that the path names, and leaves `/never` open. */
async function statusServer(t: TestContext): Promise<string> {
  const server = createHttpServer((request, response) => {
    const status = Number(request.url?.slice(1));
    if (Number.isNaN(status)) return;
    response.writeHead(status, { location: '/200' });
    response.end(status === 204 ? undefined : 'x'.repeat(100_000));
  });
  t.after(() => server.closeAllConnections());
  return `http://127.0.0.1:${await portOf(t, server)}`;
}

test('a unit is green when systemctl says that it is active', async (t) => {
  const root = new FakeRoot(t);
  const { env } = root;
  root.program('systemctl', 'echo active');
  assert.deepEqual(await check(['unit:nginx.service'], { env }), green);
  assert.deepEqual(root.callsOf('systemctl'), ['is-active nginx.service']);
  root.program('systemctl', 'echo activating; exit 3');
  assert.equal(await whyRed(check(['unit:nginx'], { env })), 'unit:nginx: is activating');
  root.program('systemctl', 'echo "Failed to connect to bus" >&2; exit 1');
  assert.match(await whyRed(check(['unit:nginx'], { env })), /exit code 1: Failed to connect/);
});

test('a unit on a host without systemctl is red with a sentence', async (t) => {
  const env = new FakeRoot(t).bareEnv;
  const why = await whyRed(check(['unit:nginx'], { env }));
  assert.equal(why, 'unit:nginx: there is no program "systemctl"');
});

test('HTTP is green for 2xx only, and follows no redirect', async (t) => {
  const base = await statusServer(t);
  assert.deepEqual(await check([`${base}/200`, `${base}/204`]), green);
  for (const status of [301, 404, 503]) {
    const why = await whyRed(check([`${base}/${status}`]));
    assert.equal(why, `${base}/${status}: answers ${status}`);
  }
});

test('HTTP that nobody answers is red and says why', async (t) => {
  const base = await statusServer(t);
  const why = await whyRed(check([`${base}/never`], { timeoutMs: 50 }));
  assert.equal(why, `${base}/never: no answer within 50 ms`);
  const gone = `http://127.0.0.1:${await closedPort()}/`;
  assert.match(await whyRed(check([gone])), /ECONNREFUSED/);
});

test('TCP is green when the port takes a connection', async (t) => {
  const server = createServer((socket) => socket.resume());
  const port = await portOf(t, server);
  assert.deepEqual(await check([`tcp:127.0.0.1:${port}`]), green);
  assert.match(await whyRed(check([`tcp:127.0.0.1:${await closedPort()}`])), /ECONNREFUSED/);
});

test('a command is green when it exits with 0', async () => {
  assert.deepEqual(await check(['command:test -d /']), green);
  const why = await whyRed(check(['command:echo full >&2; exit 4']));
  assert.equal(why, 'command:echo full >&2; exit 4: exit code 4: full');
});

test('a command that hangs is red', async () => {
  const why = await whyRed(check(['command:sleep 60'], { timeoutMs: 50 }));
  assert.equal(why, 'command:sleep 60: no end within 50 ms');
});

test('a key is asked of whoever has the store', async () => {
  const asked: string[] = [];
  const keyCheck: KeyCheck = async (key) => {
    asked.push(key);
    return key === 'apps/{id}' ? { isGreen: true } : { isGreen: false, why: 'not there' };
  };
  assert.deepEqual(await check(['key:apps/{id}'], { keyCheck }), green);
  assert.equal(await whyRed(check(['key:x'], { keyCheck })), 'key:x: not there');
  assert.deepEqual(asked, ['apps/{id}', 'x']);
  assert.match(await whyRed(check(['key:x'])), /no store to ask/);
});

test('a key whose store never answers, or throws, is red', async () => {
  let wasTold = false;
  const deaf: KeyCheck = (_key, signal) => {
    signal.addEventListener('abort', () => {
      wasTold = true;
    });
    return new Promise(() => {});
  };
  const why = await whyRed(check(['key:x'], { keyCheck: deaf, timeoutMs: 20 }));
  assert.equal(why, 'key:x: no answer within 20 ms');
  assert.ok(wasTold);
  const broken: KeyCheck = () => Promise.reject(new Error('the store is away'));
  assert.equal(await whyRed(check(['key:x'], { keyCheck: broken })), 'key:x: the store is away');
});

test('all run at once, and those that are red are named', async (t) => {
  const root = new FakeRoot(t);
  const pipe = root.pipe('meet');
  // Each waits for the other: one after the other they would never end.
  const pair = [`command:echo x > ${pipe}`, `command:cat ${pipe}`];
  const why = await whyRed(check([...pair, 'command:exit 5', 'command:exit 6', 'command:true']));
  assert.equal(why, 'command:exit 5: exit code 5; command:exit 6: exit code 6');
});

test('an aborted signal ends checks of every kind at once', async (t) => {
  const base = await statusServer(t);
  const silent = createServer();
  const port = await portOf(t, silent);
  const giveUp = new AbortController();
  const keyCheck: KeyCheck = () => {
    giveUp.abort();
    return new Promise(() => {});
  };
  const texts = [`${base}/never`, 'command:sleep 60', 'key:x', `tcp:127.0.0.1:${port}`];
  const why = await whyRed(check(texts, { signal: giveUp.signal, keyCheck }));
  assert.equal(why.match(/given up/g)?.length, 4, why);
});

test('without a check everything is green', async () => {
  assert.deepEqual(await check([]), green);
});

test('addresses of TCP are read with names, numbers and IPv6', () => {
  const address = (text: string) => {
    const found = parseCheck(text);
    return found.kind === 'tcp' ? [found.host, found.port] : undefined;
  };
  assert.deepEqual(address('tcp:db.example:5432'), ['db.example', 5432]);
  assert.deepEqual(address('tcp:[::1]:80'), ['::1', 80]);
});

test('what is no check is refused with what would be right', () => {
  const refused: readonly (readonly [string, RegExp])[] = [
    ['unit:', /unit:nginx\.service/],
    ['unit:--version', /unit:nginx\.service/],
    ['unit:a b', /unit:nginx\.service/],
    ['http:x', /whole address/],
    ['http://', /whole address/],
    ['http://a:99999/', /whole address/],
    ['https://me:secret@a/', /password/],
    ['tcp:80', /host and a port/],
    ['tcp:a:0', /host and a port/],
    ['tcp:a:65536', /host and a port/],
    ['tcp:::1:80', /host and a port/],
    ['command: ', /names its command/],
    ['key:', /names a key/],
  ];
  for (const [text, pattern] of refused) {
    assert.throws(
      () => parseCheck(text),
      (error: Error) => error instanceof PolicyError && pattern.test(error.message),
      text,
    );
  }
  assert.throws(
    () => parseCheck('ping:a'),
    (error: Error) => checkForms.every((form) => error.message.includes(form)),
  );
  assert.throws(
    () => parseCheck('https://me:secret@a/'),
    (error: Error) => {
      return !error.message.includes('secret');
    },
  );
});
