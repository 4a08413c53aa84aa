import type { CallOptions, Client } from '@lockstep/client';
import type { Fleet } from './policy/fleet.ts';

/** How long what was found of the members holds. */
export const memberLookMs = 5_000;
const answerMsMax = 2_000;
/** Further behind in the log than this, a member would not be one of a majority for a while. */
const entriesBehindMax = 5_000;

/**
 * Why no host with a member of the store should go down now: some voter does not answer, has no leader, or is behind.
 * Undefined when all are well. @throws the signal's reason.
 */
export async function memberFaultOf(
  client: Client,
  call: CallOptions = {},
): Promise<string | undefined> {
  try {
    const members = await client.members(call);
    const voters = members.filter(({ isLearner }) => !isLearner);
    if (voters.length < 3) {
      return `the store has ${voters.length} ${voters.length === 1 ? 'voter' : 'voters'}, so it stops without this one`;
    }
    const found = await Promise.all(
      voters.map(async ({ name, clientAddress }) => {
        if (clientAddress === '') return { fault: `the member ${name} has told no address` };
        try {
          const status = await client.status(clientAddress, { timeoutMs: answerMsMax, ...call });
          const fault = status.leaderId === null ? `the member ${name} knows no leader` : undefined;
          return { name, applied: status.appliedIndex, fault };
        } catch (error) {
          call.signal?.throwIfAborted();
          return { fault: `the member ${name} does not answer (${sentence(error)})` };
        }
      }),
    );
    const fault = found.find((one) => one.fault !== undefined)?.fault;
    if (fault !== undefined) return fault;
    const newest = Math.max(...found.map(({ applied = 0 }) => applied));
    const late = found.find(({ applied = 0 }) => newest - applied > entriesBehindMax);
    return late === undefined ? undefined : `the member ${late.name} is behind the others`;
  } catch (error) {
    call.signal?.throwIfAborted();
    return `the members do not answer (${sentence(error)})`;
  }
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether a host with a member of the store wants to go down: only then its members are looked at. */
export function asksForMember(fleet: Fleet): boolean {
  return [...fleet.members.values()].some(({ record }) => record.state === 'waiting');
}

/** What {@link memberFaultOf} said last, asked again when that is old. */
export class MemberLook {
  readonly #client: Client;
  #last: { readonly at: number; readonly fault: string | undefined } | undefined;

  constructor(client: Client) {
    this.#client = client;
  }

  /** What was found last; undefined while nothing was asked. */
  get fault(): string | undefined {
    return this.#last?.fault;
  }

  /** Undefined while no host with a member waits. @throws the signal's reason. */
  async faultFor(fleet: Fleet, signal: AbortSignal): Promise<string | undefined> {
    if (!asksForMember(fleet)) return undefined;
    const at = this.#client.clock.now();
    if (this.#last === undefined || at - this.#last.at >= memberLookMs) {
      this.#last = { at, fault: await memberFaultOf(this.#client, { signal }) };
    }
    return this.#last.fault;
  }
}
