import type { Once } from '@lockstep/client/protocol';
import { assert } from '../../server/src/core/base/assert.ts';
import type { Random } from '../../server/src/core/base/random.ts';
import type { KeyValue } from '../../server/src/core/mvcc/key-value.ts';
import type { Outcome, Request } from '../checkers/history.ts';
import type { Coverage } from './coverage.ts';
import type { SimCluster } from './sim-cluster.ts';
import type { Call } from './workload.ts';

const mustNotRun = 'must never be written';

/**
 * A client whose mutations are numbered: each is sent until there is an answer, to one member after the other, and again after
 * that. It runs once, and every answer is the same.
 */
export class OnceActor {
  readonly #cluster: SimCluster;
  readonly #random: Random;
  readonly #coverage: Coverage;
  #clientId: string | undefined;
  #sequence = 0;

  constructor(cluster: SimCluster, world: { random: Random; coverage: Coverage }) {
    this.#cluster = cluster;
    this.#random = world.random;
    this.#coverage = world.coverage;
  }

  act(call: Call, value: string): void {
    const clientId = this.#clientId;
    if (clientId === undefined) return this.#register(call);
    // One whose answer was acknowledged long ago must not run again.
    if (this.#sequence > 40 && this.#random.oneIn(6)) return this.#repeatForgotten(call, clientId);
    const sequence = ++this.#sequence;
    const once = { clientId, sequence, ackedBelow: Math.max(0, sequence - 20) };
    const request: Request = { type: 'put', key: 'once', value, prevKv: true };
    const begun = call.client.begin(request);
    this.#send(call, request, { once, tries: 3 }, (outcome) => {
      call.client.end(begun, outcome);
      const host = call.client.pickHost();
      // What surely did not run would run now.
      if (host === undefined || outcome.type === 'refused') return call.next();
      call.client.send(
        request,
        host,
        (again) => {
          this.#compare(outcome, again, sequence);
          call.next();
        },
        once,
      );
    });
  }

  /** Until it has an answer, or has tried so often. What may have run before is not known to be refused by a later try. */
  #send(
    call: Call,
    request: Request,
    { once, tries }: { once: Once; tries: number },
    then: (outcome: Outcome) => void,
    isUnsure = false,
  ): void {
    const host = call.client.pickHost() ?? call.host;
    call.client.send(
      request,
      host,
      (outcome) => {
        if (outcome.type === 'ok') {
          if (isUnsure) this.#coverage.reach('mutation sent again until it was answered');
          return then(outcome);
        }
        const unsure = isUnsure || outcome.type === 'unknown';
        if (tries > 1) return this.#send(call, request, { once, tries: tries - 1 }, then, unsure);
        then(unsure ? { type: 'unknown' } : outcome);
      },
      once,
    );
  }

  #register(call: Call): void {
    const { member } = call.host;
    if (member === undefined) return call.next();
    let isOver = false;
    const next = (): void => {
      if (!isOver) call.next();
      isOver = true;
    };
    this.#cluster.time.after(8_000, next);
    member.propose({ type: 'registerClient' }, (outcome) => {
      if (outcome.ok && outcome.reply.type === 'registerClient') {
        this.#clientId ??= outcome.reply.clientId;
      }
      next();
    });
  }

  #repeatForgotten(call: Call, clientId: string): void {
    const request: Request = { type: 'put', key: 'once', value: mustNotRun };
    const once = { clientId, sequence: 1, ackedBelow: 0 };
    call.client.send(
      request,
      call.host,
      (outcome) => {
        assert(outcome.type !== 'ok', 'a mutation whose answer is forgotten was answered');
        if (outcome.type === 'refused' && outcome.code === 'reply_evicted') {
          this.#coverage.reach('mutation of a forgotten reply refused');
        }
        call.next();
      },
      once,
    );
  }

  #compare(first: Outcome, again: Outcome, sequence: number): void {
    if (first.type !== 'ok' || again.type !== 'ok') return;
    this.#coverage.reach('mutation repeated and answered as before');
    assert(
      first.revision === again.revision &&
        JSON.stringify(first.answer) === JSON.stringify(again.answer),
      `mutation ${sequence} was answered with revision ${first.revision} and, repeated, with ${again.revision}`,
    );
  }

  checkEnd(history: readonly KeyValue[]): void {
    const ranTwice = history.some(({ value }) => value === mustNotRun);
    assert(!ranTwice, 'a mutation was run again after its answer was forgotten');
  }
}
