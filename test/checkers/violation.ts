import type { Operation } from './history.ts';

/** A promise of the store that a history shows broken. */
export class Violation extends Error {
  /** The promise, in a word or two. */
  readonly rule: string;

  constructor(rule: string, message: string) {
    super(`${rule}: ${message}`);
    this.name = 'Violation';
    this.rule = rule;
  }
}

/** An operation in a line. */
export function lineOf({ id, client, calledAt, returnedAt, request, outcome }: Operation): string {
  const told =
    outcome.type === 'ok'
      ? `at revision ${outcome.revision} ${JSON.stringify(outcome.answer)}`
      : outcome.type;
  const until = Number.isFinite(returnedAt) ? returnedAt.toFixed(2) : '...';
  return `#${id} ${client} [${calledAt.toFixed(2)}, ${until}] ${JSON.stringify(request)}: ${told}`;
}
