import type { Ask, Operation } from './history.ts';
import { lineOf, Violation } from './violation.ts';

/** Until when each lease was promised: counted from the call of the last grant or renewal that was acknowledged. */
export function promisesOf(operations: readonly Operation[]): Map<string, number> {
  const ttls = new Map<string, number>();
  const until = new Map<string, number>();
  const promise = (lease: string, at: number): void => {
    until.set(lease, Math.max(until.get(lease) ?? 0, at));
  };
  for (const { request, outcome, calledAt } of operations) {
    if (outcome.type !== 'ok') continue;
    if (request.type === 'grant' && outcome.answer.type === 'grant') {
      ttls.set(outcome.answer.lease, request.ttlMs);
      promise(outcome.answer.lease, calledAt + request.ttlMs);
    }
  }
  for (const { request, outcome, calledAt } of operations) {
    if (outcome.type !== 'ok' || request.type !== 'renew') continue;
    if (outcome.answer.type === 'renew' && outcome.answer.ttlMs > 0) {
      promise(request.lease, calledAt + (ttls.get(request.lease) ?? 0));
    }
  }
  return until;
}

/**
 * Whose end was acknowledged is no lease any more: nothing that is called later renews it, or attaches a key to it.
 * @throws Violation
 */
export function checkEndsOfLeases(operations: readonly Operation[]): void {
  const ended = new Map<string, Operation>();
  for (const operation of operations) {
    const { request, outcome, returnedAt } = operation;
    if (request.type !== 'revoke' || outcome.type !== 'ok') continue;
    const before = ended.get(request.lease);
    if (before === undefined || returnedAt < before.returnedAt) ended.set(request.lease, operation);
  }
  for (const operation of operations) {
    const { request, outcome, calledAt } = operation;
    if (outcome.type !== 'ok') continue;
    const isDead =
      request.type === 'renew' && outcome.answer.type === 'renew' && outcome.answer.ttlMs <= 0;
    for (const lease of isDead ? [] : leasesIn(operation)) {
      const end = ended.get(lease);
      if (end === undefined || calledAt <= end.returnedAt) continue;
      throw new Violation('lease', `${lineOf(operation)} uses a lease after ${lineOf(end)}`);
    }
  }
}

function leasesIn({ request, outcome }: Operation): readonly string[] {
  switch (request.type) {
    case 'renew':
      return [request.lease];
    case 'put':
      return leasesOf([request]);
    case 'txn': {
      const { answer } = outcome.type === 'ok' ? outcome : {};
      if (answer?.type !== 'txn') return [];
      // Which branches of inner transactions ran is not looked at: what is not surely used is left out.
      return leasesOf(
        (answer.succeeded ? request.success : request.failure).filter(({ type }) => type === 'put'),
      );
    }
    default:
      return [];
  }
}

function leasesOf(asks: readonly Ask[]): readonly string[] {
  return asks.flatMap((ask) => (ask.type === 'put' && ask.lease !== undefined ? [ask.lease] : []));
}
