import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentType, expose } from '../../server/src/api/metrics/exposition.ts';
import { doubling, Histogram } from '../../server/src/metrics/histogram.ts';
import { http, openDoors } from '../harness/doors.ts';
import { readMetrics } from '../harness/metrics-text.ts';

test('labels and help survive quotes, backslashes and ends of lines', () => {
  const text = 'a "b" \\ c\nd';
  const page = expose([
    { name: 'x_total', type: 'counter', help: text, samples: [{ labels: { of: text }, value: 3 }] },
  ]);
  assert.equal(
    page,
    '# HELP x_total a "b" \\\\ c\\nd\n# TYPE x_total counter\nx_total{of="a \\"b\\" \\\\ c\\nd"} 3\n',
  );
  const family = readMetrics(page).get('x_total');
  assert.equal(family?.help, text);
  assert.deepEqual(family?.samples, [{ name: 'x_total', labels: { of: text }, value: 3 }]);
});

test('a histogram is written as growing counts, each bound inside its own bucket', () => {
  const histogram = new Histogram(doubling(0.5, 3));
  for (const value of [0.1, 0.5, 0.6, 2, 2.5]) histogram.observe(value);
  const page = expose([
    {
      name: 'h',
      type: 'histogram',
      help: 'h',
      samples: [{ labels: { a: 'b' }, value: histogram }],
    },
  ]);
  assert.deepEqual(page.split('\n').slice(2, -1), [
    'h_bucket{a="b",le="0.5"} 2',
    'h_bucket{a="b",le="1"} 3',
    'h_bucket{a="b",le="2"} 4',
    'h_bucket{a="b",le="+Inf"} 5',
    `h_sum{a="b"} ${0.1 + 0.5 + 0.6 + 2 + 2.5}`,
    'h_count{a="b"} 5',
  ]);
  readMetrics(page);
});

test('a family without samples is left out', () => {
  assert.equal(expose([{ name: 'x', type: 'gauge', help: 'x', samples: [] }]), '');
});

test('the reader of the format can fail', () => {
  const head = '# HELP x y\n# TYPE x gauge\n';
  const histogram = '# HELP h y\n# TYPE h histogram\n';
  const planted = [
    `${head}x 1`,
    'x 1\n',
    '# TYPE x gauge\nx 1\n',
    `${head}y 1\n`,
    `${head}x 1\nx 2\n`,
    `${head}x one\n`,
    `${head}x{a="1",a="2"} 1\n`,
    `${head}x{a="1",} 1\n`,
    `${head}x{a="\\q"} 1\n`,
    `${head}x 1\n${head}x{a="1"} 1\n`,
    `${head}`,
    '# HELP x y\n# TYPE x counter\nx -1\n',
    `${histogram}h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n`,
    `${histogram}h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n`,
    `${histogram}h_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\nh_count 1\n`,
    `${histogram}h_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 2\n`,
  ];
  for (const text of planted) assert.throws(() => readMetrics(text), assert.AssertionError, text);
  readMetrics(`${head}x{a="1"} 1\nx{a="2"} 1\n`);
});

test('[W-54] /metrics takes GET and HEAD, says its content type, and is listed where a path is not found', async (t) => {
  const open = await openDoors(t);
  const page = await http(open, '/metrics');
  assert.equal(page.status, 200);
  assert.equal(page.headers['content-type'], contentType);
  readMetrics(page.text);
  assert.equal((await http(open, '/metrics', { method: 'HEAD' })).text, '');
  const posted = await http(open, '/metrics', { method: 'POST' });
  assert.deepEqual([posted.status, posted.headers.allow], [405, 'GET, HEAD']);
  assert.match((await http(open, '/metric')).text, /\/metrics/);
});
