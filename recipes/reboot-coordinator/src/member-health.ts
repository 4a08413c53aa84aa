import type { CallOptions, Client } from '@lockstep/client';

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
