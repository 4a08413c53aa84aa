import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock, PeerLinkHandler, PeerNetwork } from '../ports.ts';
import { type ClusterPlace, lookUpCluster } from './cluster-lookup.ts';
import { encodeFrame, type LookedUpMember } from './peer-frame.ts';

function member(memberId: string, given: Partial<LookedUpMember> = {}): LookedUpMember {
  return {
    ...{ memberId, name: memberId, peerAddress: `${memberId}:1`, clientAddress: '' },
    ...{ isBound: true, replaces: '', ...given },
  };
}

/** Asks, and is answered with these members; or, without any, never. */
function lookUp(
  members: readonly LookedUpMember[],
  { name = 'n', peerAddress = 'n:1' } = {},
): { readonly place: ClusterPlace | undefined; readonly problem: string } {
  let place: ClusterPlace | undefined;
  let problem = '';
  let nowMs = 0;
  let tick = (): void => {};
  let isStopped = false;
  const handlers: PeerLinkHandler[] = [];
  const network: PeerNetwork = {
    accept: () => {},
    dial: (address, handler) => {
      handlers.push(handler);
      return { address, send: () => {}, queuedBytes: () => 0, close: () => {} };
    },
  };
  const clock: Clock = {
    monotonicMs: () => nowMs,
    every: (_, run) => {
      tick = run;
      return () => {
        isStopped = true;
      };
    },
    defer: (run) => run(),
  };
  const asked = { addresses: ['a:1', 'b:1'], peerAddress, name, patienceMs: 3_000 };
  lookUpCluster({ network, clock }, asked, (error, found) => {
    place = found;
    problem = error?.message ?? '';
  });
  if (members.length === 0) {
    for (const handler of handlers.splice(0)) handler.closed('refused');
    for (; nowMs <= 3_000; nowMs += 1_000) tick();
  } else {
    handlers[0]?.frame(Uint8Array.of(255, 1));
    handlers[1]?.frame(encodeFrame({ type: 'lookupReply', clusterId: '42', members }));
  }
  assert.ok(isStopped, 'it asks no more');
  return { place, problem };
}

const free = { name: '', isBound: false, peerAddress: 'n:1' };

test('it is the member at its address that was never started, also where another one was', () => {
  const both = [
    member('1', { name: 'n', peerAddress: 'n:1' }),
    member('2', { ...free, replaces: '1' }),
  ];
  for (const members of [both, both.toReversed()]) {
    const { place } = lookUp(members);
    assert.deepEqual([place?.clusterId, place?.memberId], ['42', '2']);
    assert.deepEqual(
      place?.members.map(({ directoryId }) => directoryId),
      ['', ''],
    );
  }
});

test('where a member has been already it must not begin anew, and where none is expected it is none', () => {
  assert.match(
    lookUp([member('1', { name: 'b', peerAddress: 'n:1' })]).problem,
    /lockstep member replace b/,
  );
  const { problem } = lookUp([member('1'), member('2', { name: '' })]);
  assert.match(
    problem,
    /expects no member at n:1; its members are 1 at 1:1, 2 at 2:1\. Run "lockstep/,
  );
});

test('a name that another member has is refused, unless that one is replaced', () => {
  const rival = member('1', { name: 'n' });
  assert.match(lookUp([rival, member('2', free)]).problem, /has a member n already, at 1:1/);
  assert.equal(lookUp([rival, member('2', { ...free, replaces: '1' })]).place?.memberId, '2');
});

test('when nobody answers in time it says what became of each', () => {
  assert.match(lookUp([]).problem, /that n is to join answers \(a:1: refused; b:1: refused\)/);
});
