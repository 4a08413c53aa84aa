import assert from 'node:assert/strict';
import test from 'node:test';
import type { ConsoleFile } from '../../server/src/api/console/page.ts';
import { http, openDoors } from '../harness/doors.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const files: readonly ConsoleFile[] = [
  {
    path: '/',
    contentType: 'text/html; charset=utf-8',
    body: bytes('<!doctype html>'),
    etag: '"h"',
  },
  {
    path: '/console.js',
    contentType: 'text/javascript; charset=utf-8',
    body: bytes('1'),
    etag: '"j"',
  },
];

test('the console page and its script come with their types, whatever the query', async (t) => {
  const doors = await openDoors(t, { console: files });
  const page = await http(doors, '/');
  assert.deepEqual(
    [page.status, page.headers['content-type'], page.text],
    [200, 'text/html; charset=utf-8', '<!doctype html>'],
  );
  assert.equal((await http(doors, '/?from=bookmark')).text, '<!doctype html>');
  const script = await http(doors, '/console.js');
  assert.deepEqual(
    [script.status, script.headers['content-type'], script.text],
    [200, 'text/javascript; charset=utf-8', '1'],
  );
});

test('the console page may load from and speak to its own member only, and no text becomes markup', async (t) => {
  const doors = await openDoors(t, { console: files });
  for (const path of ['/', '/console.js']) {
    const { headers } = await http(doors, path);
    const policy = new Map(
      String(headers['content-security-policy'])
        .split('; ')
        .map((directive) => [directive.split(' ')[0], directive.split(' ').slice(1).join(' ')]),
    );
    assert.equal(policy.get('default-src'), "'none'");
    for (const name of ['script-src', 'style-src', 'connect-src', 'img-src']) {
      assert.equal(policy.get(name), "'self'", name);
    }
    for (const name of ['base-uri', 'form-action', 'frame-ancestors']) {
      assert.equal(policy.get(name), "'none'", name);
    }
    assert.equal(policy.get('require-trusted-types-for'), "'script'");
    assert.doesNotMatch([...policy.values()].join(' '), /unsafe|\*|https?:/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['referrer-policy'], 'no-referrer');
  }
});

test('HEAD of the console page has the headers of GET and no body', async (t) => {
  const doors = await openDoors(t, { console: files });
  const [get, head] = [await http(doors, '/'), await http(doors, '/', { method: 'HEAD' })];
  assert.deepEqual([head.status, head.text], [200, '']);
  for (const name of ['content-length', 'content-type', 'etag', 'content-security-policy']) {
    assert.ok(get.headers[name], name);
    assert.equal(head.headers[name], get.headers[name], name);
  }
});

test('a browser that has the file already is told so', async (t) => {
  const doors = await openDoors(t, { console: files });
  const first = await http(doors, '/');
  assert.equal(first.headers.etag, '"h"');
  assert.equal(first.headers['cache-control'], 'no-cache');
  const ask = (tags: string) => http(doors, '/', { headers: { 'if-none-match': tags } });
  for (const tags of ['"h"', 'W/"h"', '"a", "h"', '*']) {
    const again = await ask(tags);
    assert.deepEqual([again.status, again.text, again.headers.etag], [304, '', '"h"'], tags);
  }
  for (const tags of ['"j"', 'h', '"H"', '']) assert.equal((await ask(tags)).status, 200, tags);
});

test('the console page is read, not written', async (t) => {
  const doors = await openDoors(t, { console: files });
  for (const method of ['POST', 'PUT', 'DELETE']) {
    const { status, headers, json } = await http(doors, '/', { method });
    assert.deepEqual([status, headers.allow], [405, 'GET, HEAD'], method);
    assert.equal(json.error.data.code, 'method_not_allowed');
  }
});

test('beside the files of the console page there is nothing', async (t) => {
  const doors = await openDoors(t, { console: files });
  for (const path of ['/index.html', '/console', '/console.js/', '//', '/favicon.ico', '/../']) {
    const { status, json } = await http(doors, path);
    assert.deepEqual([status, json.error.data.code], [404, 'not_found'], path);
  }
});

test('pages of other sites may not read the console page', async (t) => {
  const doors = await openDoors(t, { console: files });
  const foreign = await http(doors, '/', { headers: { origin: 'http://evil.example' } });
  assert.deepEqual([foreign.status, foreign.json.error.data.code], [403, 'forbidden_origin']);
});

test('a member whose console page was not built says how to build it', async (t) => {
  const doors = await openDoors(t);
  const { status, headers, text } = await http(doors, '/');
  assert.deepEqual([status, headers['content-type']], [503, 'text/plain; charset=utf-8']);
  assert.match(text, /npm run build/);
  assert.equal((await http(doors, '/console.js')).status, 404);
});
