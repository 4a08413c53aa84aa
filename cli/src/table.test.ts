import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import type { Io } from './io.ts';
import { cellWidths, table } from './table.ts';

function io(columns?: number, env: Record<string, string> = {}): Io {
  const stdout = Object.assign(
    new PassThrough(),
    columns === undefined ? {} : { isTTY: true, columns },
  );
  const [stdin, stderr] = [new PassThrough(), new PassThrough()];
  return { stdin, stdout, stderr, env: { NO_COLOR: '1', ...env }, onStop: () => () => {} };
}

const head = ['key', 'value'];
const rows = [
  ['a', 'x'.repeat(100)],
  ['config/color', 'blue'],
];

function widest(text: string): number {
  return Math.max(...text.split('\n').map((line) => line.length));
}

test('without a terminal nothing is cut', async () => {
  const text = await table(io(), head, rows);
  assert.ok(text.includes('x'.repeat(100)));
  assert.ok(!text.includes('…'));
});

test('on a terminal the widest column is cut, with a mark, and the rest stays whole', async () => {
  const text = await table(io(60), head, rows);
  assert.equal(widest(text), 60);
  assert.match(text, /│ a {12}│ x{40}… │/);
  assert.match(text, /│ config\/color │ blue /);
  const roomy = await table(io(200), head, rows);
  assert.ok(roomy.includes('x'.repeat(100)) && !roomy.includes('…'));
});

test('where columns would be cut to nothing, each row is a table of its own', async () => {
  const wide = Array.from({ length: 9 }, (_, at) => `heading ${at}`);
  const cells = wide.map((_, at) => `${at}${'y'.repeat(at === 8 ? 90 : 20)}`);
  const text = await table(io(80), wide, [cells, cells]);
  assert.equal(widest(text), 80);
  assert.match(text, /│ heading 0 │ 0y{20} {2,}│/);
  assert.match(text, /│ heading 8 │ 8y+… │/);
  assert.equal(text.match(/heading 3/g)?.length, 2);
});

test('widths are shared out narrow first, and wide characters count twice', () => {
  assert.equal(cellWidths([['ab', 'cd']], 11), undefined);
  assert.deepEqual(cellWidths([['ab', 'c'.repeat(30), 'd'.repeat(40)]], 10 + 2 + 24), [4, 14, 14]);
  assert.equal(cellWidths([['ab', 'c'.repeat(30), 'd'.repeat(40)]], 10 + 2 + 18), 'turned');
  assert.equal(cellWidths([['配置', '']], 11), undefined);
  assert.deepEqual(cellWidths([['配置配置配置']], 14), [12]);
});

test('headings are bold on a terminal, but not with NO_COLOR or on a dumb one', async () => {
  const bold = '\u001b[1m';
  assert.ok((await table(io(80, { NO_COLOR: '' }), head, rows)).includes(bold));
  assert.ok(!(await table(io(80), head, rows)).includes(bold));
  assert.ok(!(await table(io(80, { NO_COLOR: '', TERM: 'dumb' }), head, rows)).includes(bold));
  assert.ok(!(await table(io(undefined, { NO_COLOR: '' }), head, rows)).includes(bold));
});
