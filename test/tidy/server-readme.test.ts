import assert from 'node:assert/strict';
import { test } from 'node:test';
import { described } from '../../server/src/api/metrics/page.ts';
import { processEventLevels } from '../../server/src/log.ts';
import { memberEventLevels } from '../../server/src/member/events.ts';
import { read } from './sources.ts';

/** The cells of each row of the table under a heading, without its head. */
function tableUnder(heading: string): string[][] {
  const [, after = ''] = read('server/README.md').split(`\n## ${heading}\n`);
  const [section = ''] = after.split('\n## ');
  return section
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2)
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

test('the table of metrics says what is exported, and nothing else', () => {
  assert.deepEqual(
    tableUnder('Metrics'),
    described.map(({ name, type, help }) => [`\`${name}\``, type, help]),
  );
});

test('the table of events has every event of the log with its level, and nothing else', () => {
  const levels = { ...processEventLevels, ...memberEventLevels };
  const rows = tableUnder('Log');
  assert.deepEqual(
    rows.map(([event, level]) => [event, level]),
    Object.entries(levels).map(([event, level]) => [`\`${event}\``, level]),
  );
  for (const [event, , meaning] of rows) assert.ok(meaning, `${event} has no meaning`);
});
