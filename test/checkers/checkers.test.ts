import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Random } from '../../server/src/core/base/random.ts';
import { checkHistory } from './check-history.ts';
import type {
  Answer,
  Ask,
  Operation,
  Outcome,
  Pair,
  Request,
  WatchedEvent,
  WatchItem,
} from './history.ts';
import { hasWritten, Model } from './model.ts';

const put = (key: string, value: string): Ask => ({ type: 'put', key, value });
const read = (key: string): Ask => ({ type: 'range', key });

/** Writes down calls as "from, to". */
class Story {
  readonly operations: Operation[] = [];
  readonly model = new Model();

  /** As the store should answer it. */
  does(calledAt: number, returnedAt: number, request: Ask): Operation {
    const answer = this.model.run(request);
    return this.told(calledAt, returnedAt, request, {
      type: 'ok',
      revision: this.model.revision,
      answer,
    });
  }

  told(calledAt: number, returnedAt: number, request: Request, outcome: Outcome): Operation {
    const id = this.operations.length;
    const operation = { id, client: 'c', calledAt, returnedAt, request, outcome };
    this.operations.push(operation);
    return operation;
  }

  unknown(calledAt: number, request: Request): void {
    this.told(calledAt, Number.POSITIVE_INFINITY, request, { type: 'unknown' });
  }

  check(items: WatchItem[] = [], { from = 1, prevKv = false, key = '\0' } = {}) {
    const watcher = {
      name: 'w',
      key,
      rangeEnd: '\0',
      prevKv,
      sessions: [{ member: 'a', from, items }],
    };
    return checkHistory({
      operations: this.operations,
      watchers: items.length > 0 ? [watcher] : [],
    });
  }
}

function pair(key: string, value: string, revision: number, more: Partial<Pair> = {}): Pair {
  return { key, value, createRevision: revision, modRevision: revision, version: 1, ...more };
}

const found = (value: Pair | undefined): Answer => ({
  type: 'range',
  pairs: value === undefined ? [] : [value],
  count: value === undefined ? 0 : 1,
  more: false,
});

describe('linearizability', () => {
  test('a history that one order explains is accepted, whatever overlaps', () => {
    const story = new Story();
    story.does(5, 9, put('a', '1'));
    story.does(0, 8, put('a', '2'));
    story.does(6, 7, read('a'));
    story.does(10, 11, { type: 'delete', key: 'a', prevKv: true });
    story.does(12, 13, {
      type: 'txn',
      compare: [{ key: 'a', target: 'version', operator: '=', operand: 0 }],
      success: [
        put('a', '3'),
        read('a'),
        { type: 'txn', compare: [], success: [put('b', '4')], failure: [] },
      ],
      failure: [],
    });
    assert.equal(story.check().checked, 5);
  });

  const refused = (name: string, rule: RegExp, tell: (story: Story) => void): void => {
    test(`${name} is found`, () => {
      const story = new Story();
      tell(story);
      assert.throws(() => story.check(), { name: 'Violation', message: rule });
    });
  };

  refused(
    'a read of what was overwritten before it was asked',
    /^real time: .*had returned before/,
    (story) => {
      story.does(0, 1, put('a', '1'));
      const old = { type: 'ok', revision: 2, answer: found(pair('a', '1', 2)) } as const;
      story.does(2, 3, put('a', '2'));
      story.told(4, 5, read('a'), old);
    },
  );
  refused('a write that comes before one that had returned', /^real time/, (story) => {
    story.does(5, 6, put('a', '1'));
    story.does(0, 1, put('b', '1'));
    story.does(2, 3, put('c', '1'));
    // They were given revisions against the order of time.
  });
  refused('a read of what is written later', /^real time: .*was called later/, (story) => {
    story.does(4, 5, put('a', '1'));
    const early = { type: 'ok', revision: 2, answer: found(pair('a', '1', 2)) } as const;
    story.told(0, 1, { ...read('a'), isSerializable: true } as Ask, early);
  });
  refused('a value that was never written', /^linearizability: .*the pair is/, (story) => {
    story.does(0, 1, put('a', '1'));
    story.told(2, 3, read('a'), { type: 'ok', revision: 2, answer: found(pair('a', '7', 2)) });
  });
  refused('an acknowledged write that is gone', /^linearizability: .*holds 1 keys/, (story) => {
    story.does(0, 1, put('a', '1'));
    story.told(2, 3, read('a'), { type: 'ok', revision: 2, answer: found(undefined) });
  });
  refused('a revision for two writes', /^one write per revision/, (story) => {
    story.does(0, 1, put('a', '1'));
    story.told(2, 3, put('b', '1'), { type: 'ok', revision: 2, answer: { type: 'put' } });
  });
  refused(
    'a revision that nobody wrote',
    /^every write has a cause: nothing explains revision 2/,
    (story) => {
      story.told(2, 3, put('b', '1'), { type: 'ok', revision: 3, answer: { type: 'put' } });
    },
  );
  refused('a write that was refused and seen', /^every write has a cause/, (story) => {
    story.told(0, 1, put('a', '1'), { type: 'refused', code: 'no_leader' });
    story.told(2, 3, read('a'), { type: 'ok', revision: 2, answer: found(pair('a', '1', 2)) });
  });
  refused(
    'a transaction that compared with what was not there any more',
    /fails its comparison/,
    (story) => {
      story.does(0, 1, put('a', '1'));
      story.does(1.5, 1.7, put('a', '2'));
      story.told(
        2,
        3,
        {
          type: 'txn',
          compare: [{ key: 'a', target: 'mod', operator: '=', operand: 2 }],
          success: [put('a', '3')],
          failure: [],
        },
        {
          type: 'ok',
          revision: 4,
          answer: { type: 'txn', succeeded: true, answers: [{ type: 'put' }] },
        },
      );
    },
  );

  refused('an answer without a revision', /^revision: .*is at no revision/, (story) => {
    story.told(0, 1, put('a', '1'), { type: 'ok', revision: 1, answer: { type: 'put' } });
  });
  refused(
    'an old state that holds what is written later',
    /^real time: .*was called later/,
    (story) => {
      story.does(10, 11, put('a', '1'));
      story.does(1, 12, put('b', '1'));
      const early = { type: 'ok', revision: 3, answer: found(pair('a', '1', 2)) } as const;
      story.told(4, 5, { ...read('a'), isSerializable: true } as Ask, early);
    },
  );
  const granted = { type: 'ok', revision: 1, answer: { type: 'grant', lease: 'l' } } as const;
  const done = (revision: number) => ({ type: 'ok', revision, answer: { type: 'done' } }) as const;
  refused('a lease that was revoked and keeps its keys', /^lease: .*keys are attached/, (story) => {
    story.told(0, 1, { type: 'grant', ttlMs: 9_000 }, granted);
    story.does(2, 3, { type: 'put', key: 'a', value: '1', lease: 'l' });
    story.told(4, 5, { type: 'revoke', lease: 'l' }, done(2));
  });
  refused('a lease that lives on after its end', /^lease: .*uses a lease after/, (story) => {
    story.told(0, 1, { type: 'grant', ttlMs: 9_000 }, granted);
    story.told(4, 5, { type: 'revoke', lease: 'l' }, done(1));
    story.told(
      6,
      7,
      { type: 'renew', lease: 'l' },
      { type: 'ok', revision: 0, answer: { type: 'renew', ttlMs: 1 } },
    );
  });

  test('of two causes the one is chosen that fits what a watch was told, and what it was not', () => {
    const story = new Story();
    story.does(0, 1, put('a', '1'));
    story.does(2, 3, put('b', '1'));
    story.unknown(4, { type: 'delete', key: 'a', rangeEnd: 'c' });
    story.unknown(4, { type: 'delete', key: 'a' });
    story.told(6, 7, put('c', '1'), { type: 'ok', revision: 5, answer: { type: 'put' } });
    const { model } = new Story();
    for (const ask of [
      put('a', '1'),
      put('b', '1'),
      { type: 'delete', key: 'a' } as const,
      put('c', '1'),
    ])
      model.run(ask);
    const items = [2, 3, 4, 5].map((revision): WatchItem => {
      const events = model.events(revision).map(({ type, pair: own }) => ({ type, pair: own }));
      return { type: 'events', revision, events };
    });
    assert.equal(story.check(items).unknownWrites, 1);
  });

  test('a write whose outcome is unknown may have happened, once, and not before it was called', () => {
    const story = new Story();
    story.unknown(3, put('a', '1'));
    story.told(4, 5, read('a'), { type: 'ok', revision: 2, answer: found(pair('a', '1', 2)) });
    assert.equal(story.check().unknownWrites, 1);
    const twice = new Story();
    twice.unknown(0, put('a', '1'));
    const again = pair('a', '1', 3, { createRevision: 2, version: 2 });
    twice.told(4, 5, read('a'), { type: 'ok', revision: 3, answer: found(again) });
    assert.throws(() => twice.check(), /every write has a cause/);
    const early = new Story();
    early.unknown(6, put('a', '1'));
    early.told(4, 5, read('a'), { type: 'ok', revision: 2, answer: found(pair('a', '1', 2)) });
    assert.throws(() => early.check(), /every write has a cause/);
  });

  test('among several unknown writes those are chosen that explain what was read later', () => {
    const story = new Story();
    for (const value of ['1', '2', '3', '4', '5', '6']) story.unknown(0, put('a', value));
    story.unknown(0, { type: 'delete', key: 'a' });
    const last = pair('a', '5', 4, { createRevision: 2, version: 3 });
    story.told(7, 8, read('a'), { type: 'ok', revision: 4, answer: found(last) });
    story.told(
      9,
      10,
      { type: 'range', key: 'a', revision: 3 },
      {
        type: 'ok',
        revision: 4,
        answer: found(pair('a', '2', 3, { createRevision: 2, version: 2 })),
      },
    );
    assert.equal(story.check().unknownWrites, 3);
  });

  test('a lease may end by itself when its promised time is over, and not before', () => {
    const tell = (at: number): Story => {
      const story = new Story();
      story.told(
        0,
        1,
        { type: 'grant', ttlMs: 10 },
        { type: 'ok', revision: 1, answer: { type: 'grant', lease: 'l' } },
      );
      story.does(2, 3, { type: 'put', key: 'a', value: '1', lease: 'l' });
      story.told(
        8,
        9,
        { type: 'renew', lease: 'l' },
        { type: 'ok', revision: 2, answer: { type: 'renew', ttlMs: 10 } },
      );
      story.told(at, at + 1, read('a'), { type: 'ok', revision: 3, answer: found(undefined) });
      return story;
    };
    assert.equal(tell(18).check().expiries, 1);
    assert.throws(() => tell(16).check(), /every write has a cause: nothing explains revision 3/);
  });

  test('whatever a plain store does is accepted, and no answer of it can be changed', () => {
    const random = new Random(7);
    let changes = 0;
    for (let run = 0; run < 200; run++) {
      const story = randomStory(random);
      const { checked } = story.check();
      assert.ok(checked > 0);
      for (let at = 0; at < story.operations.length; at++) {
        const operation = story.operations[at] as Operation;
        const { outcome } = operation;
        if (
          outcome.type !== 'ok' ||
          outcome.answer.type !== 'range' ||
          outcome.answer.pairs.length === 0
        )
          continue;
        const [first, ...rest] = outcome.answer.pairs as [Pair, ...Pair[]];
        const answer = { ...outcome.answer, pairs: [{ ...first, value: 'changed' }, ...rest] };
        story.operations[at] = { ...operation, outcome: { ...outcome, answer } };
        assert.throws(() => story.check(), { name: 'Violation' });
        story.operations[at] = operation;
        changes++;
      }
    }
    assert.ok(changes > 500, `${changes} changes`);
  });
});

/** Operations in a row, called and answered around the moment at which they ran; some answers are lost. */
function randomStory(random: Random): Story {
  const story = new Story();
  const key = (): string => random.pick(['a', 'b', 'c']);
  for (let at = 0; at < 25; at++) {
    const value = `${at}`;
    const ask: Ask = random.pick<Ask>([
      put(key(), value),
      { type: 'delete', key: 'a', rangeEnd: random.pick(['c', '\0']), prevKv: random.oneIn(2) },
      { type: 'range', key: 'a', rangeEnd: '\0', limit: random.below(3) },
      {
        type: 'txn',
        compare: [
          {
            key: key(),
            target: 'version',
            operator: random.pick(['=', '<', '>', '!=']),
            operand: random.below(4),
          },
        ],
        success: [put('a', value), read('b')],
        failure: [{ type: 'delete', key: key() }, read('c')],
      },
    ]);
    const calledAt = at - random.below(3);
    const operation = story.does(calledAt, at + random.below(3), ask);
    const { outcome } = operation;
    const isLost = random.oneIn(6) && outcome.type === 'ok' && hasWritten(outcome.answer);
    if (!isLost) continue;
    story.operations.pop();
    story.unknown(calledAt, ask);
  }
  return story;
}

type Batch = Extract<WatchItem, { type: 'events' }>;

describe('the promises of a watch', () => {
  /** a=1 at 2, b=1 and c=1 at 3, a=2 at 4, a deleted at 5. */
  function story(): Story {
    const told = new Story();
    const both: Ask = {
      type: 'txn',
      compare: [],
      success: [put('b', '1'), put('c', '1')],
      failure: [],
    };
    told.does(0, 1, put('a', '1'));
    told.does(2, 3, both);
    told.does(4, 5, put('a', '2'));
    told.does(6, 7, { type: 'delete', key: 'a' });
    return told;
  }

  function batch(revision: number): Batch {
    const events = story().model.events(revision);
    return {
      type: 'events',
      revision,
      events: events.map(({ type, pair: own }) => ({ type, pair: own })),
    };
  }
  const all = [2, 3, 4, 5].map(batch);

  test('what was written, in order, once, and progress after it, is accepted', () => {
    const progress: WatchItem = { type: 'progress', revision: 5 };
    assert.equal(story().check([...all, progress]).watchEvents, 5);
    assert.equal(story().check(all.slice(1), { from: 3 }).watchEvents, 4);
  });

  const broken = (rule: string, items: WatchItem[], options = {}): void => {
    test(`"${rule}" is held to`, () => {
      const message = new RegExp(`^watch ${rule}`);
      assert.throws(() => story().check(items, options), { name: 'Violation', message });
    });
  };
  const both = batch(3);
  broken('ordered', [batch(2), both, batch(2)]);
  broken('ordered', [both], { from: 4 });
  broken('ordered', [batch(2), { ...both, events: both.events.toReversed() }]);
  broken('unique', [batch(2), { ...both, events: [...both.events, ...both.events] }]);
  broken('atomic', [batch(2), { ...both, events: both.events.slice(0, 1) }]);
  broken('reliable', [batch(2), both, batch(5)]);
  broken('reliable', [batch(2), { type: 'progress', revision: 3 }]);
  broken('resumable', [both, { type: 'ended', reason: 'compacted', resumeAt: 2 }], { from: 3 });
  broken('resumable', [{ type: 'ended', reason: 'compacted', resumeAt: 5 }]);
  broken('bookmarkable', [batch(2), { type: 'progress', revision: 1 }]);
  broken('previous', all, { prevKv: true });
  broken('filtered', all, { key: 'b' });
  broken('ended', [batch(2), { type: 'ended', reason: 'no_leader' }, both]);
  const [second] = batch(4).events;
  const asNew = { ...second, pair: { ...second?.pair, createRevision: 4, version: 1 } };
  broken('is-create', [batch(2), both, { ...batch(4), events: [asNew as WatchedEvent] }]);

  test('a watcher goes on where it was, on whatever member', () => {
    const { operations, model } = story();
    const record = (from: number) => ({
      name: 'w',
      key: '\0',
      rangeEnd: '\0',
      prevKv: false,
      sessions: [
        { member: 'a', from: 1, items: [batch(2)] },
        { member: 'b', from, items: [both, batch(4)] },
      ],
    });
    assert.equal(model.revision, 5);
    assert.equal(checkHistory({ operations, watchers: [record(3)] }).watchEvents, 4);
    assert.throws(
      () => checkHistory({ operations, watchers: [record(2)] }),
      /^Violation: watch resumable/,
    );
  });
});
