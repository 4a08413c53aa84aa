/** One call of FleetLock, as a host makes it. */
export interface FleetLockTarget {
  readonly url: URL;
  readonly group: string;
  readonly id: string;
  readonly token: string | undefined;
}

/** `yes`, or why not: refused for good, not now, or nobody could say. */
export type FleetLockReply =
  | { readonly is: 'yes' }
  | { readonly is: 'refused' | 'not now' | 'no answer'; readonly why: string };

/** What a server that is given up by all other clients may take. */
const answerMsMax = 30 * 60_000;

/** @throws the signal's reason. */
export async function callFleetLock(
  call: 'pre-reboot' | 'steady-state',
  { url, group, id, token }: FleetLockTarget,
  signal: AbortSignal,
): Promise<FleetLockReply> {
  const { username, password } = url;
  const base = new URL(url);
  base.username = '';
  base.password = '';
  base.pathname = `${base.pathname.replace(/\/+$/, '')}/v1/${call}`;
  const basic = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  const authorization =
    token !== undefined
      ? { authorization: `Bearer ${token}` }
      : password !== ''
        ? { authorization: `Basic ${basic.toString('base64')}` }
        : {};
  try {
    const response = await fetch(base, {
      method: 'POST',
      headers: {
        'fleet-lock-protocol': 'true',
        'content-type': 'application/json',
        ...authorization,
      },
      body: JSON.stringify({ client_params: { id, group } }),
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerMsMax)]),
    });
    const text = await response.text();
    const { status } = response;
    if (status === 200) return { is: 'yes' };
    const reason = reasonIn(text);
    const why = `${status} ${reason}`.trimEnd();
    // Servers have no status for "full" in common, and some say it with that of a fault.
    const isFull = status === 423 || status === 429 || reason.startsWith('failed_lock');
    if (isFull) return { is: 'not now', why };
    if (status >= 500 || status === 408) return { is: 'no answer', why };
    return { is: 'refused', why };
  } catch (error) {
    signal.throwIfAborted();
    return { is: 'no answer', why: faultOf(error) };
  }
}

/** What a refusal says, or nothing if it is none of FleetLock. */
function reasonIn(text: string): string {
  try {
    const { kind, value } = JSON.parse(text) as { kind?: unknown; value?: unknown };
    return [kind, value].filter((part) => typeof part === 'string' && part !== '').join(': ');
  } catch {
    return '';
  }
}

function faultOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message || error.message : error.message;
}
