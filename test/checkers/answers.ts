import type { Answer, Pair } from './history.ts';

/** In what way a store's answer is another than the model's; undefined when in none. */
export function answersDiffer(told: Answer, due: Answer): string | undefined {
  if (told.type === 'txn' && due.type === 'txn') {
    if (told.succeeded !== due.succeeded) {
      return `it ${due.succeeded ? 'succeeds' : 'fails its comparison'}`;
    }
    if (told.answers.length !== due.answers.length) return `${due.answers.length} answers are due`;
    for (const [at, one] of told.answers.entries()) {
      const difference = answersDiffer(one, due.answers[at] as Answer);
      if (difference !== undefined) return `in operation ${at} ${difference}`;
    }
    return undefined;
  }
  if (told.type === 'range' && due.type === 'range') {
    if (told.count !== due.count) return `the range holds ${due.count} keys`;
    if (told.more !== due.more) return `more is ${due.more}`;
    return pairsDiffer(told.pairs, due.pairs);
  }
  if (told.type === 'put' && due.type === 'put')
    return pairsDiffer(list(told.prev), list(due.prev));
  if (told.type === 'delete' && due.type === 'delete') {
    if (told.deleted !== due.deleted) return `${due.deleted} keys are deleted`;
    return pairsDiffer(told.prev ?? [], due.prev ?? []);
  }
  return told.type === due.type ? undefined : `the answer is a ${due.type}`;
}

function list(pair: Pair | undefined): readonly Pair[] {
  return pair === undefined ? [] : [pair];
}

function pairsDiffer(told: readonly Pair[], due: readonly Pair[]): string | undefined {
  const length = Math.max(told.length, due.length);
  for (let at = 0; at < length; at++) {
    const one = due[at];
    if (!arePairsEqual(told[at], one))
      return one === undefined ? 'there is no pair' : `the pair is ${JSON.stringify(one)}`;
  }
  return undefined;
}

export function arePairsEqual(one: Pair | undefined, other: Pair | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return (
    one.key === other.key &&
    one.value === other.value &&
    one.createRevision === other.createRevision &&
    one.modRevision === other.modRevision &&
    one.version === other.version &&
    one.lease === other.lease
  );
}
