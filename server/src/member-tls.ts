import type { MemberConfig } from './config.ts';
import type { TlsSettings } from './config-tls.ts';
import { TlsIdentity } from './io/tls-identity.ts';
import type { Log } from './log.ts';

/** The certificates of a member's doors; one without them speaks plaintext. */
export interface MemberTls {
  readonly client: TlsIdentity | undefined;
  readonly peer: TlsIdentity | undefined;
}

/** @throws Error in a sentence with the file, when one cannot be used. */
export async function openTls({ clientTls, peerTls }: MemberConfig, log: Log): Promise<MemberTls> {
  const open = async (settings: TlsSettings | undefined): Promise<TlsIdentity | undefined> =>
    settings &&
    TlsIdentity.open(settings, {
      reloaded: (sentence) => log.process('certificate_reloaded', sentence),
      warned: (sentence) => log.process('certificate_problem', sentence),
    });
  return { client: await open(clientTls), peer: await open(peerTls) };
}

const quietMs = 10_000;

/** Tells who was not let in: at once, and then no more than a line in ten seconds, however many try. */
export function refusals(log: Log): (sentence: string) => void {
  let toldAt = Number.NEGATIVE_INFINITY;
  let untold = 0;
  return (sentence) => {
    const now = performance.now();
    if (now - toldAt < quietMs) {
      untold++;
      return;
    }
    toldAt = now;
    const more = untold === 0 ? '' : `, and ${untold} before it that were not told`;
    untold = 0;
    log.process('handshake_refused', `${sentence}${more}`);
  };
}
