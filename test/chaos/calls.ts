import {
  type Client,
  type Compare,
  compare,
  type KeyValue,
  LockstepError,
  type Operation,
  op,
} from '@lockstep/client';
import type { Answer, Ask, Condition, Keys, Outcome, Pair, Request } from '../checkers/history.ts';

/** Sends what was asked for through the client as its users would. @returns how that ended. */
export async function call(client: Client, request: Request): Promise<Outcome> {
  try {
    return { type: 'ok', ...(await answerOf(client, request)) };
  } catch (error) {
    if (!(error instanceof LockstepError)) throw error;
    // It was run, and its answer is lost: to its caller that is the same as not to know.
    const isUnknown = error.ambiguous || error.code === 'reply_evicted';
    return isUnknown ? { type: 'unknown' } : { type: 'refused', code: error.code };
  }
}

interface Answered {
  readonly revision: number;
  readonly answer: Answer;
}

async function answerOf(client: Client, request: Request): Promise<Answered> {
  switch (request.type) {
    case 'range': {
      const { revision, limit, isSerializable: serializable } = request;
      const options = { ...given({ revision, limit, serializable }) };
      const reply = await client.range(selector(request), options);
      return { revision: reply.header.revision, answer: rangeAnswer(reply) };
    }
    case 'put': {
      const { key, value, lease, prevKv } = request;
      const reply = await client.put(key, value, given({ lease, prevKv }));
      return { revision: reply.header.revision, answer: putAnswer(reply) };
    }
    case 'delete': {
      const { prevKv } = request;
      const reply = await client.delete(selector(request), given({ prevKv }));
      return { revision: reply.header.revision, answer: deleteAnswer(reply, prevKv) };
    }
    case 'txn': {
      const { header, succeeded, results } = await client.txn({
        compare: request.compare.map(comparison),
        success: request.success.map(operation),
        failure: request.failure.map(operation),
      });
      return { revision: header.revision, answer: { type: 'txn', succeeded, answers: results } };
    }
    case 'grant': {
      const { header, id } = await client.leases.grant({ ttl: request.ttlMs / 1_000 });
      return { revision: header.revision, answer: { type: 'grant', lease: id } };
    }
    case 'renew': {
      const ttl = await client.leases.keepAlive(request.lease);
      // The client tells no revision with it, and a renewal makes none.
      const revision = client.seenRevision;
      return { revision, answer: { type: 'renew', ttlMs: ttl * 1_000 } };
    }
    case 'revoke': {
      const { header } = await client.leases.revoke(request.lease);
      return { revision: header.revision, answer: { type: 'done' } };
    }
    case 'compact': {
      const { header } = await client.compact(request.revision);
      return { revision: header.revision, answer: { type: 'done' } };
    }
  }
}

export function pairOf(kv: KeyValue): Pair {
  const { key, value, createRevision, modRevision, version, lease } = kv;
  const pair = { key, value, createRevision, modRevision, version };
  return lease === '0' ? pair : { ...pair, lease };
}

function comparison({ key, target, operator, operand }: Condition): Compare {
  switch (target) {
    case 'value':
      return compare.value(key, operator, String(operand));
    case 'mod':
      return compare.modRevision(key, operator, Number(operand));
    case 'create':
      return compare.createRevision(key, operator, Number(operand));
    case 'version':
      return compare.version(key, operator, Number(operand));
  }
}

function operation(ask: Ask): Operation<Answer> {
  switch (ask.type) {
    case 'range': {
      const { revision, limit } = ask;
      return op.range(selector(ask), given({ revision, limit })).map(rangeAnswer);
    }
    case 'put':
      return op
        .put(ask.key, ask.value, given({ lease: ask.lease, prevKv: ask.prevKv }))
        .map(putAnswer);
    case 'delete':
      return op
        .delete(selector(ask), given({ prevKv: ask.prevKv }))
        .map((reply) => deleteAnswer(reply, ask.prevKv));
    case 'txn':
      return op
        .txn({
          compare: ask.compare.map(comparison),
          success: ask.success.map(operation),
          failure: ask.failure.map(operation),
        })
        .map(({ succeeded, results }) => ({ type: 'txn', succeeded, answers: results }));
  }
}

function rangeAnswer(reply: {
  readonly kvs: readonly KeyValue[];
  readonly count: number;
  readonly more: boolean;
}): Answer {
  const { kvs, count, more } = reply;
  return { type: 'range', pairs: kvs.map(pairOf), count, more };
}

function putAnswer({ prevKv }: { readonly prevKv: KeyValue | undefined }): Answer {
  return { type: 'put', ...(prevKv === undefined ? {} : { prev: pairOf(prevKv) }) };
}

function deleteAnswer(
  reply: { readonly deleted: number; readonly prevKvs: readonly KeyValue[] },
  prevKv: boolean | undefined,
): Answer {
  const prev = prevKv === true ? { prev: reply.prevKvs.map(pairOf) } : {};
  return { type: 'delete', deleted: reply.deleted, ...prev };
}

function selector({ key, rangeEnd }: Keys): { readonly key: string; readonly rangeEnd?: string } {
  return { key, ...given({ rangeEnd }) };
}

/** Only what was given: an option that is there and undefined is not the same as one that is absent. */
function given<Options extends Record<string, unknown>>(
  options: Options,
): { [Key in keyof Options]?: Exclude<Options[Key], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  // What is left has the types that it had.
  return Object.fromEntries(entries) as {
    [Key in keyof Options]?: Exclude<Options[Key], undefined>;
  };
}

/** Every pair of the present that an answer shows. */
export function pairsIn(answer: Answer): readonly Pair[] {
  if (answer.type === 'range') return answer.pairs;
  return answer.type === 'txn' ? answer.answers.flatMap(pairsIn) : [];
}
