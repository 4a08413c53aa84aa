/** PROTOCOL of this command with its callers; README.md lists it. */
export const exitCodes = {
  ok: 0,
  /** The store refused, or the command line makes no sense: nothing was done. */
  refused: 1,
  /** No member answered in time: nothing was done. */
  noAnswer: 2,
  /** A change was sent and its outcome is unknown: read before trying again. */
  unknownOutcome: 3,
} as const;

/** A command line that makes no sense, said by a verb. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface Failure {
  readonly message: string;
  readonly exitCode: number;
}

interface CodedError extends Error {
  readonly code: unknown;
  readonly ambiguous?: unknown;
}

/** What to say about an error, and what to do next. Decides from codes, never from text. */
export function describeFailure(error: unknown, endpoints: readonly string[]): Failure {
  if (!(error instanceof Error)) return { message: String(error), exitCode: exitCodes.refused };
  const { code, ambiguous } = error as CodedError;
  const { message } = error;
  if (code === 'unavailable') {
    const next = 'start one with "lockstep serve", or name yours with --endpoints';
    const why = /\(.*\)$/.exec(message)?.[0] ?? '';
    return {
      message: `no member answers at ${endpoints.join(', ')}: ${next}${why === '' ? '' : `\n  ${why}`}`,
      exitCode: exitCodes.noAnswer,
    };
  }
  if (code === 'deadline_exceeded') {
    return {
      message: `${message}\n  is the cluster without a leader? "lockstep status" tells; a longer --timeout waits longer`,
      exitCode: exitCodes.noAnswer,
    };
  }
  if (ambiguous === true) {
    return {
      message: `${message}\n  read the key before you try again`,
      exitCode: exitCodes.unknownOutcome,
    };
  }
  return { message: message + (nextStep(code) ?? ''), exitCode: exitCodes.refused };
}

function nextStep(code: unknown): string | undefined {
  switch (code) {
    case 'empty_key':
      return "\n  to name all keys: '' --prefix";
    case 'answer_too_large':
      return '\n  narrow the range, or page through it with --limit';
    case 'lease_not_found':
      return '\n  "lockstep lease list" prints those there are';
    case 'no_space':
      return '\n  make room: delete keys, then "lockstep compact" up to the revision that "lockstep status" tells';
    case 'compacted':
      return '\n  read or watch without --rev, or from a newer revision';
    default:
      return undefined;
  }
}
