import { type DeleteRangeResult, limits, TableError } from '@lockstep/client/protocol';
import type { DeleteRangeReply } from '../store.ts';
import type { CallContext } from './caller.ts';
import { answerBytes, wirePair } from './keys.ts';

/** How a reply of the store is worded. */
export interface Answer<Reply, Result> {
  /** @throws TableError when it is more than an answer may have. */
  bytes(reply: Reply): number;
  word(reply: Reply): Result;
}

/**
 * Words the answer when the connection has room for it; until then only the reply is held.
 * @param recheck throws when the caller may no longer see it.
 */
export function inTurn<Reply, Result>(
  replied: Promise<Reply>,
  context: CallContext,
  answer: Answer<Reply, Result>,
  recheck?: () => void,
): Promise<Result> {
  return replied.then((reply) => {
    recheck?.();
    const bytes = answer.bytes(reply);
    const turn = context.answerTurn?.(bytes);
    return turn === undefined ? answer.word(reply) : turn.then(() => answer.word(reply));
  });
}

/** @throws TableError `answer_too_large`, with what to ask instead. */
export function refuseLargeAnswer(bytes: number, pairs: number): void {
  if (bytes <= limits.answerBytesMax) return;
  throw new TableError(
    'answer_too_large',
    `the answer has ${pairs} keys and ${bytes} bytes; one answer may have ${limits.answerBytesMax}. ` +
      'Ask in chunks with kv.scan, or with limit, keysOnly or countOnly',
  );
}

/** The keys are gone already, so an answer that is too large cannot be a refusal: its pairs are left out. */
export function wordDeletion(
  reply: DeleteRangeReply,
  prevKv: boolean,
): Omit<DeleteRangeResult, 'header'> {
  const { deleted, prevKvs } = reply;
  if (!prevKv) return { deleted };
  if (prevKvs.length > 1 && answerBytes(prevKvs) > limits.answerBytesMax) {
    return { deleted, prevKvsOmitted: true };
  }
  return { deleted, prevKvs: prevKvs.map(wirePair) };
}
