import type { MessageInitShape } from '@bufbuild/protobuf';
import { errorTable } from '@lockstep/client/protocol';
import type { WatchRequestSchema } from '../../../server/src/api/etcd/gen/rpc_pb.ts';
import { Random } from '../../../server/src/core/base/random.ts';
import { Generator } from '../etcd-comparison/generator.ts';
import type { Answer, Operation, Request } from '../etcd-comparison/model.ts';
import { isMisreadByEtcd, operationsOf } from '../etcd-comparison/txn-generator.ts';
import { callOf, createOf, type RawRequest, type RawWatchRequest } from './messages.ts';
import { revisionOf } from './normalise.ts';
import type { Outcome } from './raw-store.ts';
import { type OnlyLockstep, type Step, scenes } from './scenes.ts';
import { makeWild, makeWildWatch } from './wild.ts';

/** Each with its own watches and ids. */
export const streamsMax = 2;
/** The row for transactions that only Lockstep is asked. */
export const openDeleteRow = 'a delete without an end beside a put of a transaction';

export interface Planned {
  readonly raw: RawRequest | OnlyLockstep;
  /** The request of the other comparison that it comes from. */
  readonly from: Request | undefined;
  readonly scene: string | undefined;
}

/** The requests of one seed: those of the other comparison, some made wild, with scenes between them. */
export class RawGenerator {
  readonly #random: Random;
  readonly #base: Generator;
  #scene: { readonly name: string; readonly steps: Step[] } | undefined;
  #last: Outcome | undefined;

  constructor(seed: number, revision: number) {
    this.#base = new Generator(seed, revision);
    this.#random = new Random(seed + 1_000_003);
  }

  get revision(): number {
    return this.#base.revision;
  }

  get compacted(): number {
    return this.#base.compacted;
  }

  get leases(): readonly string[] {
    return this.#base.leases;
  }

  /** @param idOf tells the stream and the id of a watch of the other comparison, if it is open. */
  next(idOf: (watch: number) => { stream: number; id: bigint } | undefined): Planned {
    const step = this.#scene?.steps.shift();
    if (step !== undefined) {
      return { raw: step(this.#last), from: undefined, scene: this.#scene?.name };
    }
    const random = this.#random;
    if (random.oneIn(40)) {
      const name = random.pick(Object.keys(scenes));
      this.#scene = { name, steps: [...(scenes[name]?.(random) ?? [])] };
      return this.next(idOf);
    }
    if (random.oneIn(40)) return planned(this.#strangeWatchRequest());
    const from = this.#base.next();
    return { raw: this.#raw(from, idOf), from, scene: undefined };
  }

  #raw(from: Request, idOf: Parameters<RawGenerator['next']>[0]): RawRequest | OnlyLockstep {
    const random = this.#random;
    if (from.kind === 'cancel') {
      const open = idOf(from.watch);
      const request = {
        requestUnion: { case: 'cancelRequest', value: { watchId: open?.id ?? 404n } },
      } as const;
      return { kind: 'watch', stream: open?.stream ?? 0, request };
    }
    if (from.kind === 'watch') {
      const value = createOf(from);
      if (random.oneIn(3)) value.watchId = BigInt(1 + random.below(5));
      const raw: RawWatchRequest = {
        kind: 'watch',
        stream: random.below(streamsMax),
        request: { requestUnion: { case: 'createRequest', value } },
      };
      if (random.oneIn(4)) makeWildWatch(random, raw);
      return raw;
    }
    const raw = callOf(from);
    if (from.kind === 'txn' && isMisreadByEtcd(from)) {
      const { text, grpc } = errorTable.duplicate_key;
      return { ...raw, expected: { row: openDeleteRow, code: grpc, message: text } };
    }
    // Another put in it might be one that etcd 3.4 misreads.
    const isOpen = from.kind === 'txn' && operationsOf(from).some(isOpenDelete);
    if (!isOpen && random.oneIn(5)) makeWild(random, raw);
    return raw;
  }

  /** What creates no watch. */
  #strangeWatchRequest(): RawRequest {
    const random = this.#random;
    const requests: MessageInitShape<typeof WatchRequestSchema>[] = [
      {},
      { requestUnion: { case: 'progressRequest', value: {} } },
      { requestUnion: { case: 'cancelRequest', value: { watchId: 99n } } },
      { requestUnion: { case: 'cancelRequest', value: { watchId: -1n } } },
    ];
    return { kind: 'watch', stream: random.below(streamsMax), request: random.pick(requests) };
  }

  /** Takes note of what a request did, by etcd's answer. */
  learn({ from }: Planned, outcome: Outcome): void {
    this.#last = outcome;
    const newest = Math.max(0, ...outcome.answers.map(revisionOf));
    const isDone = outcome.code === 0;
    const answer: Answer = isDone
      ? { kind: 'revoke', revision: newest }
      : { kind: 'refused', text: '', grpc: outcome.code, compactRevision: undefined };
    // A scene's request moves the revision and nothing else that the generator keeps.
    this.#base.learn(from ?? { kind: 'leases' }, answer);
  }
}

function isOpenDelete(operation: Operation): boolean {
  return operation.kind === 'deleteRange' && operation.rangeEnd === '\0';
}

function planned(raw: RawRequest): Planned {
  return { raw, from: undefined, scene: undefined };
}
