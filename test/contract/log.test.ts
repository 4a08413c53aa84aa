import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openLog } from '../../server/src/log.ts';

type Line = Readonly<Record<string, unknown>>;

function logAt(logLevel: 'info' | 'debug' | 'warn' | 'silent') {
  const lines: Line[] = [];
  const log = openLog({ name: 'a', logLevel }, { write: (line) => lines.push(JSON.parse(line)) });
  return { log, lines };
}

test('an event is one line of JSON: when, how loud, who, what, its fields and a sentence', () => {
  const { log, lines } = logAt('info');
  log.member({
    name: 'became_leader',
    sentence: 'became the leader of term 3',
    fields: { term: 3 },
  });
  const [line] = lines;
  const { time, ...rest } = line ?? {};
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(rest, {
    level: 'info',
    member: 'a',
    event: 'became_leader',
    term: 3,
    msg: 'became the leader of term 3',
  });
});

test('each event has its level, and what is below the chosen one is not written', () => {
  const say = (level: Parameters<typeof logAt>[0]) => {
    const { log, lines } = logAt(level);
    log.member({ name: 'proposed_again', sentence: '', fields: {} });
    log.member({ name: 'snapshot_saved', sentence: '', fields: {} });
    log.member({ name: 'peer_down', sentence: '', fields: {} });
    log.member({ name: 'hash_mismatch', sentence: '', fields: {} });
    log.process('failed', '');
    return lines.map((line) => `${line.level} ${line.event}`);
  };
  const all = [
    'debug proposed_again',
    'info snapshot_saved',
    'warn peer_down',
    'error hash_mismatch',
    'fatal failed',
  ];
  assert.deepEqual(say('debug'), all);
  assert.deepEqual(say('info'), all.slice(1));
  assert.deepEqual(say('warn'), all.slice(2));
  assert.deepEqual(say('silent'), []);
});

test('what nobody foresaw is written with its stack', () => {
  const { log, lines } = logAt('info');
  log.internalError(new TypeError('x is not a function'));
  const [line] = lines;
  assert.deepEqual([line?.level, line?.event], ['error', 'internal_error']);
  const error = JSON.stringify(line?.err);
  assert.match(error, /"TypeError".*"x is not a function"/);
  assert.match(error, /log\.test\.ts/);
});
