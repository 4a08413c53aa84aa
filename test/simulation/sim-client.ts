import { errorTable, type Once } from '@lockstep/client/protocol';
import { assert } from '../../server/src/core/base/assert.ts';
import type { Random } from '../../server/src/core/base/random.ts';
import { runTxn } from '../../server/src/core/mvcc/txn.ts';
import type { Member } from '../../server/src/member/member.ts';
import type { Outcome as MemberOutcome } from '../../server/src/member/proposals.ts';
import type { History, Outcome, RangeAsk, Request } from '../checkers/history.ts';
import type { Coverage } from './coverage.ts';
import type { SimCluster, SimHost } from './sim-cluster.ts';
import { answerOf, commandOf, ranAs, readOf } from './sim-requests.ts';

/** A client gives up after so long. */
const patienceMs = 8_000;

/** What the way between clients and members is like. */
export interface ClientWeather {
  delayMsMax: number;
  /** One answer in so many is lost; 0 for none. */
  lossOneIn: number;
}

/**
 * A client that has one call under way at a time, to whatever member it is told. Its request and the answer travel, the answer may
 * be lost, the process may die, and then it knows nothing: all of that is taken down in the history.
 */
export class SimClient {
  readonly name: string;
  readonly #cluster: SimCluster;
  readonly #history: History;
  readonly #random: Random;
  readonly #coverage: Coverage;
  readonly weather: ClientWeather;

  constructor(
    name: string,
    world: { cluster: SimCluster; history: History; random: Random; coverage: Coverage },
    weather: ClientWeather,
  ) {
    this.name = name;
    this.#cluster = world.cluster;
    this.#history = world.history;
    this.#random = world.random;
    this.#coverage = world.coverage;
    this.weather = weather;
  }

  /** A member to talk to, or undefined when none is up. */
  pickHost(): SimHost | undefined {
    const { running } = this.#cluster;
    return running.length === 0 ? undefined : this.#random.pick(running);
  }

  /** Calls back exactly once, in simulated time. */
  ask(request: Request, host: SimHost, then: (outcome: Outcome) => void): void {
    const call = this.begin(request);
    this.send(request, host, (outcome) => {
      this.end(call, outcome);
      then(outcome);
    });
  }

  /** For calls that are sent more than once: the first half of {@link ask}. */
  begin(request: Request): number {
    return this.#history.begin(this.name, request, this.#cluster.stamp());
  }

  end(call: number, outcome: Outcome): void {
    this.#history.ended(call, outcome, this.#cluster.stamp());
  }

  /** One try. */
  send(request: Request, host: SimHost, then: (outcome: Outcome) => void, once?: Once): void {
    const { time } = this.#cluster;
    let isOver = false;
    const over = (outcome: Outcome): void => {
      if (isOver) return;
      isOver = true;
      this.#cluster.log(
        `${this.name} ${wordsOf(request)} at ${host.name}: ${wordsOfOutcome(outcome)}`,
      );
      then(outcome);
    };
    // The process may die, or the answer be lost.
    time.after(patienceMs, () => over({ type: 'unknown' }));
    const answered = (outcome: Outcome): void => {
      const { lossOneIn } = this.weather;
      if (lossOneIn > 0 && this.#random.oneIn(lossOneIn)) {
        this.#coverage.reach('answer lost on its way to the client');
        return;
      }
      time.after(this.#delay(), () => over(outcome));
    };
    time.after(this.#delay(), () => {
      host.clock.run(() => {
        if (host.member === undefined) return over({ type: 'refused', code: 'connection refused' });
        this.#hand(request, host, host.member, { answered, once });
      });
      // A clock of a process that is gone runs nothing.
      if (host.member === undefined) over({ type: 'refused', code: 'connection refused' });
    });
  }

  #delay(): number {
    return this.#random.below(this.weather.delayMsMax + 1);
  }

  #hand(
    request: Request,
    host: SimHost,
    member: Member,
    { answered, once }: { answered: (outcome: Outcome) => void; once: Once | undefined },
  ): void {
    if (request.type === 'range') return this.#read(request, host, member, answered);
    if (request.type === 'renew') {
      member.chores.leases.renew(request.lease, (code, ttl) => {
        if (code !== undefined) return answered(failed(code));
        answered({ type: 'ok', revision: 0, answer: { type: 'renew', ttlMs: ttl * 1_000 } });
      });
      return;
    }
    const command = commandOf(request);
    assert(command !== undefined, `a ${request.type} is a command`);
    if (member.raft.role !== 'leader') this.#coverage.reach('proposal forwarded');
    member.propose(command, (outcome) => answered(outcomeOf(outcome)), once);
  }

  #read(ask: RangeAsk, host: SimHost, member: Member, answered: (outcome: Outcome) => void): void {
    const read = (): void => {
      const { store } = member.machine;
      const { reply } = store.write((txn) => runTxn(store, txn, readOf(ask)));
      const { revision: past = 0 } = ask;
      const isGone = past > 0 && past < store.compactRevision;
      assert(
        isGone === ('refused' in reply && reply.refused === 'compacted'),
        `a read at ${past} is ${isGone ? '' : 'not '}to be refused when compacted to ${store.compactRevision}`,
      );
      if ('refused' in reply) return answered({ type: 'refused', code: reply.refused });
      const [result] = reply.reply.results;
      assert(result !== undefined, 'a read has a result');
      answered({ type: 'ok', revision: store.revision, answer: ranAs(result) });
    };
    if (ask.isSerializable === true) {
      this.#coverage.reach('serializable read');
      return read();
    }
    member.readIndex((code) => {
      if (code !== undefined) return answered(failed(code));
      if (host.member === member && member.raft.role === 'follower') {
        this.#coverage.reach('linearizable read answered by a follower');
      }
      read();
    });
  }
}

export function failed(code: keyof typeof errorTable): Outcome {
  return errorTable[code].ambiguous ? { type: 'unknown' } : { type: 'refused', code };
}

export function outcomeOf(outcome: MemberOutcome): Outcome {
  if (!outcome.ok) return failed(outcome.code);
  const answer = answerOf(outcome.reply);
  if (answer !== undefined) return { type: 'ok', revision: outcome.revision, answer };
  return { type: 'refused', code: outcome.reply.type === 'refused' ? outcome.reply.code : '' };
}

function wordsOf(request: Request): string {
  switch (request.type) {
    case 'put':
      return `put ${request.key}=${request.value.slice(0, 8)}`;
    case 'range':
    case 'delete':
      return `${request.type} ${JSON.stringify(request.key)}`;
    case 'txn':
      return 'transaction';
    case 'grant':
      return 'grant';
    case 'compact':
      return `compact ${request.revision}`;
    default:
      return `${request.type} ${request.lease}`;
  }
}

function wordsOfOutcome(outcome: Outcome): string {
  if (outcome.type === 'ok') return `${outcome.answer.type} ${outcome.revision}`;
  return outcome.type === 'refused' ? outcome.code : 'unknown';
}
