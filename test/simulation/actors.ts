import type { Once } from '@lockstep/client/protocol';
import { assert } from '../../server/src/core/base/assert.ts';
import type { Random } from '../../server/src/core/base/random.ts';
import type { Command } from '../../server/src/core/command.ts';
import type { Applied, Machine } from '../../server/src/core/machine.ts';
import type { KeyValue } from '../../server/src/core/mvcc/key-value.ts';
import type { Compare, PutRequest, TxnOperation } from '../../server/src/core/mvcc/requests.ts';
import { type ByteString, emptyBytes, noLease } from '../../server/src/core/mvcc/values.ts';
import type { Member } from '../../server/src/member/member.ts';
import type { Outcome } from '../../server/src/member/proposals.ts';
import type { Coverage } from './coverage.ts';
import type { SimCluster, SimHost } from './sim-cluster.ts';
import { SimLeases } from './sim-leases.ts';

/** Where a call goes, and what to do when it is over. */
export interface Call {
  readonly host: SimHost;
  readonly member: Member;
  readonly next: () => void;
}

const accounts = ['account/a', 'account/b', 'account/c'] as const;
const deposit = 100;

/** A client whose mutations are numbered. */
interface Numbered {
  clientId: string;
  sequence: number;
}

/**
 * Clients that use what is above single keys: transactions, leases, compaction, mutations that run
 * once. Each remembers what must be true of the history at the end.
 */
export class Actors {
  readonly #cluster: SimCluster;
  readonly #random: Random;
  readonly #coverage: Coverage;
  readonly #leases: SimLeases;
  readonly #acknowledge: (write: { revision: number; key: string; value: string }) => void;
  #nextValue = 0;
  #numbered: Numbered | undefined;

  constructor(
    cluster: SimCluster,
    random: Random,
    coverage: Coverage,
    acknowledge: (write: { revision: number; key: string; value: string }) => void,
  ) {
    this.#cluster = cluster;
    this.#random = random;
    this.#coverage = coverage;
    this.#acknowledge = acknowledge;
    this.#leases = new SimLeases(cluster, coverage);
  }

  act(call: Call): void {
    switch (this.#random.below(8)) {
      case 0:
      case 1:
        return this.#compareAndSwap(call);
      case 2:
        return this.#transfer(call);
      case 3:
        return this.#leases.grant(call, () => this.#value());
      case 4:
        return this.#leases.renewOrRevoke(call, this.#random);
      case 5:
        return this.#compact(call);
      default:
        return this.#once(call);
    }
  }

  #value(): string {
    return `n${this.#nextValue++}`;
  }

  #log(what: string, { host }: Call, outcome: Outcome): void {
    const how = outcome.ok ? `${outcome.reply.type} ${outcome.revision}` : outcome.code;
    this.#cluster.log(`${what} at ${host.name}: ${how}`);
    if (outcome.ok && outcome.reply.type === 'refused' && outcome.reply.code === 'no_space') {
      this.#coverage.reach('write refused for want of space');
    }
  }

  /** Reads where it is, however old that is, and writes only if nobody wrote since. */
  #compareAndSwap(call: Call): void {
    const key = 'cas' as ByteString;
    const seen = call.member.machine.store.get(key)?.modRevision ?? 0;
    const value = this.#value();
    const command: Command = {
      type: 'txn',
      compares: [{ key, rangeEnd: emptyBytes, target: 'mod', operator: '=', operand: seen }],
      success: [put(key, value)],
      failure: [],
    };
    call.member.propose(command, (outcome) => {
      this.#log('compare and swap', call, outcome);
      if (outcome.ok && outcome.reply.type === 'txn') {
        const { succeeded } = outcome.reply;
        if (succeeded) this.#acknowledge({ revision: outcome.revision, key, value });
        this.#coverage.reach(
          succeeded ? 'transaction succeeded' : 'transaction failed its comparison',
        );
      }
      call.next();
    });
  }

  /** Moves an amount between two accounts; what is on all of them together must never change. */
  #transfer(call: Call): void {
    const { store } = call.member.machine;
    const stored = accounts.map((key) => store.get(key as ByteString));
    const compares = accounts.map(
      (key, at): Compare => ({
        key: key as ByteString,
        rangeEnd: emptyBytes,
        target: 'mod',
        operator: '=',
        operand: stored[at]?.modRevision ?? 0,
      }),
    );
    const balances = stored.map((kv) => (kv === undefined ? deposit : amountOf(kv)));
    const from = this.#random.below(accounts.length);
    const to = (from + 1 + this.#random.below(accounts.length - 1)) % accounts.length;
    const amount = this.#random.below(50);
    const after = balances.map(
      (balance, at) => balance + (at === to ? amount : 0) - (at === from ? amount : 0),
    );
    // All of them, in a transaction inside of the transaction, so that the first one opens all.
    const puts = accounts.map((key, at) => put(key, `${this.#value()}=${after[at]}`));
    const inner: TxnOperation = {
      type: 'txn',
      request: { compares: [], success: puts, failure: [] },
    };
    call.member.propose({ type: 'txn', compares, success: [inner], failure: [] }, (outcome) => {
      this.#log('transfer', call, outcome);
      if (outcome.ok && outcome.reply.type === 'txn' && outcome.reply.succeeded) {
        this.#coverage.reach('transfer in a transaction');
      }
      call.next();
    });
  }

  #compact(call: Call): void {
    const { store } = call.member.machine;
    const revision = store.revision - this.#random.below(40);
    if (revision < 1) return call.next();
    call.member.propose({ type: 'compact', revision }, (outcome) => {
      this.#log(`compact ${revision}`, call, outcome);
      if (outcome.ok && outcome.reply.type === 'done') this.#coverage.reach('compaction asked for');
      call.next();
    });
  }

  /** Writes under a number, and repeats it at another member, whatever it was told. */
  #once(call: Call): void {
    const numbered = this.#numbered;
    if (numbered === undefined) {
      call.member.propose({ type: 'registerClient' }, (outcome) => {
        this.#log('register', call, outcome);
        if (outcome.ok && outcome.reply.type === 'registerClient') {
          this.#numbered ??= { clientId: outcome.reply.clientId, sequence: 0 };
        }
        call.next();
      });
      return;
    }
    const { clientId } = numbered;
    // One whose answer was acknowledged long ago must not run again.
    if (numbered.sequence > 40 && this.#random.oneIn(6)) {
      return this.#repeatForgotten(call, { clientId, sequence: 1, ackedBelow: 0 });
    }
    const sequence = ++numbered.sequence;
    const once = { clientId, sequence, ackedBelow: Math.max(0, sequence - 20) };
    const key = 'once';
    const value = this.#value();
    const command: Command = { type: 'put', ...put(key, value).request };
    const first = (outcome: Outcome): void => {
      this.#log(`once ${sequence}`, call, outcome);
      const { running } = this.#cluster;
      const other = running.length === 0 ? undefined : this.#random.pick(running);
      if (other?.member === undefined) return call.next();
      const again: Call = { ...call, host: other };
      other.member.propose(
        command,
        (repeated) => {
          this.#log(`once ${sequence} again`, again, repeated);
          this.#compareAnswers(outcome, repeated, { key, value });
          call.next();
        },
        once,
      );
    };
    call.member.propose(command, first, once);
  }

  #repeatForgotten(call: Call, once: Once): void {
    const command: Command = { type: 'put', ...put('once', 'must never be written').request };
    call.member.propose(
      command,
      (outcome) => {
        this.#log('once 1 again', call, outcome);
        if (outcome.ok && outcome.reply.type === 'refused') {
          const { code } = outcome.reply;
          if (code === 'reply_evicted')
            this.#coverage.reach('mutation of a forgotten reply refused');
        }
        call.next();
      },
      once,
    );
  }

  #compareAnswers(first: Outcome, repeated: Outcome, write: { key: string; value: string }): void {
    if (!repeated.ok) return;
    const { reply, revision } = repeated;
    if (reply.type === 'put') this.#acknowledge({ revision, ...write });
    if (!first.ok || first.reply.type !== 'put' || reply.type !== 'put') return;
    this.#coverage.reach('mutation repeated and answered as before');
    assert(
      first.revision === revision,
      `a mutation was answered with revision ${first.revision} and, repeated, with ${revision}`,
    );
  }

  /** A command was applied for the first time by any member. */
  applied(applied: Applied, command: Command, now: number): void {
    this.#leases.applied(applied, command, now);
    if (command.type === 'compact' && applied.reply.type === 'done') {
      this.#coverage.reach('compaction by itself');
    }
    if (command.type === 'hashCheck') this.#coverage.reach('hash check begun');
    if (command.type === 'hashReport') this.#coverage.reach('hash reported');
    if (command.type === 'raiseAlarm' && command.alarm === 'nospace') {
      this.#coverage.reach('space ran out');
    }
    if (command.type === 'clearAlarm') this.#coverage.reach('space was there again');
  }

  checkEnd(history: readonly KeyValue[], machine: Machine): void {
    const ranTwice = history.some(({ value }) => value === 'must never be written');
    assert(!ranTwice, 'a mutation was run again after its answer was forgotten');
    checkBalances(history);
    this.#leases.checkEnd(machine);
    const corrupt = machine.alarms.list().filter(({ alarm }) => alarm === 'corrupt');
    assert(corrupt.length === 0, `members are said to differ that do not: ${corrupt.length}`);
    const { compactRevision, sweptRevision } = machine.store;
    assert(
      sweptRevision === compactRevision,
      `memory below revision ${compactRevision} was given back only up to ${sweptRevision}`,
    );
    if (sweptRevision > 0) this.#coverage.reach('memory swept');
  }
}

function put(key: string, value: string): TxnOperation & { readonly request: PutRequest } {
  return {
    type: 'put',
    request: {
      key: key as ByteString,
      value: value as ByteString,
      lease: noLease,
      prevKv: false,
      ignoreValue: false,
      ignoreLease: false,
    },
  };
}

function amountOf({ value }: KeyValue): number {
  return Number(value.slice(value.indexOf('=') + 1));
}

/** At every revision the accounts hold together what was paid in. */
function checkBalances(history: readonly KeyValue[]): void {
  const balances = new Map<string, number>();
  history.forEach((kv, at) => {
    if (!kv.key.startsWith('account/')) return;
    balances.set(kv.key, amountOf(kv));
    if (history[at + 1]?.modRevision === kv.modRevision) return;
    const sum = [...balances.values()].reduce((total, balance) => total + balance, 0);
    assert(
      sum === deposit * accounts.length,
      `the accounts hold ${sum} together at revision ${kv.modRevision}`,
    );
  });
}
