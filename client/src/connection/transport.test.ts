import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointUrl } from './transport.ts';

test('an endpoint is host:port, a host, or a URL', () => {
  for (const [endpoint, url] of [
    ['127.0.0.1:2379', 'ws://127.0.0.1:2379/v1/ws'],
    ['localhost', 'ws://localhost:2379/v1/ws'],
    ['[::1]:7', 'ws://[::1]:7/v1/ws'],
    ['http://a.example:1', 'ws://a.example:1/v1/ws'],
    ['https://a.example', 'wss://a.example/v1/ws'],
    ['wss://a.example/behind/v1/ws', 'wss://a.example/behind/v1/ws'],
  ] as const) {
    assert.equal(endpointUrl(endpoint), url);
  }
});

test('what is no address is refused with what would be right', () => {
  for (const bad of ['a b', 'ftp://a', 'a:99999', ':2379']) {
    assert.throws(() => endpointUrl(bad), /write host:port, for example 127\.0\.0\.1:2379/, bad);
  }
});
