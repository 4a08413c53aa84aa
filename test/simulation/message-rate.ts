import { assert } from '../../server/src/core/base/assert.ts';

const windowMs = 100;
/** A busy member sends less than a hundred. */
const messagesMax = 1_000;

/**
 * How much members say. Two that contradict each other for ever say more at every round when the network delivers some of it twice,
 * so that a run would have few events and no end.
 */
export class MessageRate {
  readonly #sent = new Map<string, { window: number; messages: number }>();

  /** @throws InvariantError when a member says too much at a time. */
  count(host: string, messages: number, now: number): void {
    const window = Math.floor(now / windowMs);
    const before = this.#sent.get(host);
    const total = messages + (before?.window === window ? before.messages : 0);
    this.#sent.set(host, { window, messages: total });
    assert(
      total <= messagesMax,
      `liveness: ${host} sent ${total} messages within ${windowMs} ms, and goes on`,
    );
  }
}
