import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { History, type Operation } from './history.ts';
import { timelinePage } from './timeline.ts';
import { type Timeline, timelineOf } from './timeline-lanes.ts';

const evil = '</script><img src=x onerror=alert(1)>&"\'<!--';

/** Two clients and a watcher; one call is never answered, one is refused, one client is told nothing and asks again. */
function handMade(): History {
  const history = new History();
  const put = history.begin('c1', { type: 'put', key: 'k', value: '1' }, 10);
  const lost = history.begin('c2', { type: 'put', key: evil, value: evil }, 12);
  history.ended(put, { type: 'ok', revision: 2, answer: { type: 'put' } }, 30);
  const refused = history.begin('c1', { type: 'compact', revision: 9 }, 40);
  history.ended(refused, { type: 'refused', code: 'future_revision' }, 41.5);
  const read = history.begin('c2', { type: 'range', key: 'k' }, 50);
  const pair = { key: 'k', value: '1', createRevision: 2, modRevision: 2, version: 1 };
  const answer = { type: 'range', pairs: [pair], count: 1, more: false } as const;
  history.ended(read, { type: 'ok', revision: 4, answer }, 90);
  assert.equal(lost, 1);
  history.close();
  const watcher = history.watcher({ name: 'w0', key: 'k', prevKv: false });
  watcher.sessions.push(
    {
      member: 'a',
      from: 1,
      items: [{ type: 'events', revision: 2, events: [{ type: 'put', pair }] }],
    },
    {
      member: 'b',
      from: 3,
      items: [
        { type: 'progress', revision: 3 },
        { type: 'ended', reason: 'no_leader' },
      ],
    },
  );
  history.harm(33, 'a crashed');
  return history;
}

function lane(timeline: Timeline, name: string) {
  const found = timeline.lanes.find((one) => one.name.startsWith(name));
  assert.ok(found !== undefined, `no lane ${name}`);
  return found;
}

describe('the lanes of a history', () => {
  const timeline = timelineOf(handMade());

  test('there is one for each client, then one for each watcher', () => {
    assert.deepEqual(
      timeline.lanes.map(({ name }) => name),
      ['c1', 'c2', 'w0: k'],
    );
    assert.deepEqual([timeline.from, timeline.to], [10, 90]);
    assert.deepEqual(timeline.harms, [{ at: 33, what: 'a crashed' }]);
  });

  test('a call is a bar from its call to its return, with request and outcome', () => {
    const [put, refused] = lane(timeline, 'c1').bars;
    assert.deepEqual([put?.from, put?.to, put?.kind, put?.row], [10, 30, 'ok', 0]);
    assert.equal(put?.label, 'put k=1 @2');
    assert.match(put?.detail ?? '', /called at 10 ms, returned at 30 ms, after 20 ms/);
    assert.match(put?.detail ?? '', /"revision": 2/);
    assert.deepEqual([refused?.kind, refused?.to], ['refused', 41.5]);
    assert.match(refused?.detail ?? '', /future_revision/);
  });

  test('one whose outcome is unknown has no end, and does not stand in the way of the next', () => {
    const { bars, rows } = lane(timeline, 'c2');
    const lost = bars.find(({ kind }) => kind === 'unknown');
    const read = bars.find(({ kind }) => kind === 'read');
    assert.equal(lost?.to, null);
    assert.match(lost?.detail ?? '', /never returned/);
    assert.notEqual(lost?.row, read?.row);
    assert.equal(rows, 2);
  });

  test('calls of one client that overlap have rows of their own', () => {
    const history = new History();
    const calls = [0, 1, 2].map((at) => history.begin('c', { type: 'range', key: 'k' }, at));
    for (const call of calls)
      history.ended(call, { type: 'refused', code: 'no_leader' }, 10 + call);
    const later = history.begin('c', { type: 'range', key: 'k' }, 20);
    history.ended(later, { type: 'refused', code: 'no_leader' }, 21);
    const { bars, rows } = lane(timelineOf(history), 'c');
    assert.deepEqual(
      bars.map(({ row }) => row),
      [0, 1, 2, 0],
    );
    assert.equal(rows, 3);
  });

  test('what a watch was told stands where its revision, or a later one, was first known', () => {
    const { bars } = lane(timeline, 'w0');
    const told = bars.map(({ kind, from, row }) => ({ kind, from, row }));
    assert.deepEqual(told, [
      { kind: 'events', from: 30, row: 0 },
      { kind: 'progress', from: 90, row: 1 },
      { kind: 'ended', from: 90, row: 1 },
    ]);
    assert.match(bars[2]?.detail ?? '', /w0 on member b, session 2, which began at revision 3/);
  });

  test('a history that went through JSON gives the same lanes', () => {
    // Infinity is null there.
    const { operations, watchers, harms } = JSON.parse(JSON.stringify(handMade())) as {
      operations: Operation[];
    } & Pick<History, 'watchers' | 'harms'>;
    assert.deepEqual(timelineOf({ operations, watchers, harms }), timelineOf(handMade()));
  });

  test('an empty history is drawn as well', () => {
    assert.deepEqual(timelineOf(new History()), { from: 0, to: 1, lanes: [], harms: [] });
  });
});

describe('the page of a history', () => {
  const page = timelinePage(handMade(), { title: `seed <1> ${evil}`, note: evil });

  function dataOf(html: string): Timeline {
    const json = /<script id="timeline" type="application\/json">(.*?)<\/script>/s.exec(html)?.[1];
    return JSON.parse(json ?? '') as Timeline;
  }

  test('nothing in keys, values and titles gets out of its place', () => {
    assert.equal(page.split('<script').length - 1, 2);
    assert.equal(page.split('</script>').length - 1, 2);
    assert.ok(!page.includes('<img'));
    assert.ok(page.includes('seed &lt;1&gt;'));
    assert.deepEqual(dataOf(page), JSON.parse(JSON.stringify(timelineOf(handMade()))));
    const lost = lane(dataOf(page), 'c2').bars.find(({ kind }) => kind === 'unknown');
    assert.equal(lost?.label, `put ${evil}=${evil}`);
  });

  test('it loads nothing', () => {
    assert.doesNotMatch(
      page,
      /\b(src|href|import|fetch)\s*[=(]\s*["'`(]?https?:|<link|@import|url\(/,
    );
    assert.doesNotMatch(page.replaceAll(/src=x/g, ''), /<script[^>]*\ssrc/);
  });

  test('thousands of operations make a page in a moment', () => {
    const history = new History();
    for (let at = 0; at < 20_000; at++) {
      const id = history.begin(`c${at % 10}`, { type: 'put', key: `k${at}`, value: 'v' }, at);
      history.ended(id, { type: 'ok', revision: at, answer: { type: 'put' } }, at + 5);
    }
    const large = timelinePage(history, { title: 'large' });
    assert.equal(dataOf(large).lanes.flatMap(({ bars }) => bars).length, 20_000);
  });
});
