/** PROTOCOL of this command with its callers; README.md and `lockstep help exit-codes` list it. */
export const exitCodes = {
  ok: 0,
  /** The store refused, or the command line makes no sense: nothing was done. */
  refused: 1,
  /** No member answered in time: nothing was done. */
  noAnswer: 2,
  /** A change was sent and its outcome is unknown: read before trying again. */
  unknownOutcome: 3,
  /** The command that `watch` ran failed, with --exit-on-error. */
  commandFailed: 4,
  /** The lock, or a permit, was not free within --wait, or with --try at once: nothing was run. */
  notFree: 121,
  /** The lock was lost: what ran under it was stopped. */
  lockLost: 122,
  /** Of a verb that runs a command under something held, what is 1, 2 or 3 otherwise: nothing was run. */
  notAsked: 125,
  /** The command under the lock may not be run, or is not there; as shells have it. */
  notRunnable: 126,
  notFound: 127,
} as const;

/** A command line that makes no sense, said by a verb. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface Failure {
  readonly message: string;
  readonly exitCode: number;
}

/** Whom the command talked to when it failed, and who named them. */
export interface Asked {
  readonly endpoints: readonly string[];
  readonly endpointsFrom?: string | undefined;
}

interface CodedError extends Error {
  readonly code: unknown;
  readonly ambiguous?: unknown;
  readonly compactRevision?: unknown;
}

/** What to say about an error, and what to do next. Decides from codes and classes, never from text. */
export function describeFailure(error: unknown, asked: Asked): Failure {
  if (!(error instanceof Error)) return { message: String(error), exitCode: exitCodes.refused };
  const { code, ambiguous } = error as CodedError;
  const { message } = error;
  if (code === 'unavailable') return noMember(message, asked);
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
  const next = nextStep(error as CodedError);
  return {
    message: next === undefined ? message : `${message}\n  ${next}`,
    exitCode: exitCodes.refused,
  };
}

function noMember(message: string, { endpoints, endpointsFrom }: Asked): Failure {
  const named = endpointsFrom === 'LOCKSTEP_ENDPOINTS' ? ' (from LOCKSTEP_ENDPOINTS)' : '';
  const next = 'start one with "lockstep serve", or name yours with --endpoints';
  const why = /\(.*\)$/.exec(message)?.[0];
  return {
    message: `no member answers at ${endpoints.join(', ')}${named}: ${next}${why === undefined ? '' : `\n  ${why}`}`,
    exitCode: exitCodes.noAnswer,
  };
}

function nextStep({ name, code, compactRevision }: CodedError): string | undefined {
  if (code === 'compacted') {
    const kept =
      typeof compactRevision === 'number' && compactRevision > 0
        ? `history up to revision ${compactRevision} is gone: `
        : '';
    return `${kept}read or watch without --rev, or from a newer revision`;
  }
  return nextSteps[name] ?? nextSteps[String(code)];
}

const nextSteps: Readonly<Record<string, string>> = {
  empty_key: "a key has at least one character; all keys, for get, del and watch: '' --prefix",
  answer_too_large: 'narrow the range, or page through it with --limit',
  request_too_large: 'a key may have 64 KiB, and a request 1.5 MiB: split the value over keys',
  key_not_found: '--ignore-value and --ignore-lease keep what a key has: put it without them first',
  too_many_operations: 'a transaction may have 128: split it',
  duplicate_key: 'a transaction may write each key once: leave one of them out',
  future_revision: '"lockstep status" tells the newest revision',
  lease_not_found: '"lockstep lease list" prints those there are',
  lease_exists: 'choose another --id, or leave it out and the cluster chooses',
  lease_ttl_too_large: 'the time to live is in seconds, at most 9000000000',
  no_space:
    'make room: delete keys, then "lockstep compact" up to the revision that "lockstep status" tells',
  corrupt:
    'this member holds another state than the others and serves no more: name them with --endpoints',
  no_leader:
    'most members must be up and reach each other: "lockstep endpoint health" tells who is',
  too_many_requests: 'the member has more under way than it can take: try again in a moment',
  cluster_too_old:
    'upgrade every member first: "lockstep endpoint status --cluster" tells which build each has',
  user_name_empty:
    'rights are enforced: say who you are with --user NAME (or LOCKSTEP_USER and LOCKSTEP_PASSWORD)',
  auth_failed: 'the name or the password is wrong, or this user has no password',
  invalid_auth_token: 'the token is no longer good: log in again, with --user',
  permission_denied:
    '"lockstep user get NAME" tells the roles one has, "lockstep role get ROLE" what each permits',
  root_user_missing: 'make it first: "lockstep user add root"',
  user_not_found: '"lockstep user list" prints those there are',
  role_not_found: '"lockstep role list" prints those there are; "lockstep role add" makes one',
  permission_not_granted:
    '"lockstep role get" prints what was granted: a permission is revoked on the same keys',
  NoLimitError:
    '"lockstep semaphore acquire" declares one with --limit, "lockstep semaphore resize" writes one',
  LimitMismatchError: 'without --limit, "lockstep semaphore acquire" takes theirs',
  not_enough_started_members:
    'the change would leave fewer members started than a quorum needs: start or remove those that are away first',
  unhealthy_cluster:
    'a member that the cluster needs is away: "lockstep endpoint health --cluster" tells which; bring it back first',
  peer_address_exists: '"lockstep member list" prints the addresses that are taken',
  member_not_found: '"lockstep member list" prints the members',
  not_a_learner: '"lockstep member list" prints which members are learners',
  learner_not_ready:
    'start it, and wait until it has the whole log: "lockstep status --cluster" tells',
  too_many_learners:
    'promote or remove the learner that there is first, or wait until it has its place',
  bad_leader_transferee: '"lockstep member list" prints the members; only a voter can lead',
};
