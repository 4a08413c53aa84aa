import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { FleetLockAnswer } from '../fleetlock/fleet-lock.ts';
import type { GroupPolicy } from '../policy/records.ts';

/** Refuses who does not show the token that the group demands; undefined lets pass. */
export function tokenRefusal(
  { headers }: IncomingMessage,
  group: string,
  { tokenSha256 }: GroupPolicy,
): FleetLockAnswer | undefined {
  if (tokenSha256 === undefined) return undefined;
  const wanted = Buffer.from(tokenSha256, 'hex');
  if (!/^[0-9a-fA-F]{64}$/.test(tokenSha256)) {
    const value = `the policy of the group ${group} has a tokenSha256 that is no SHA-256 in hexadecimal`;
    return { status: 503, kind: 'record_unreadable', value };
  }
  const token = tokenIn(headers.authorization);
  if (token === undefined) {
    const value = `the group ${group} demands a token: send "Authorization: Bearer <token>"`;
    return { status: 401, kind: 'unauthorized', value };
  }
  const given = createHash('sha256').update(token).digest();
  if (timingSafeEqual(given, wanted)) return undefined;
  return { status: 403, kind: 'wrong_token', value: `this is not the token of the group ${group}` };
}

/** Of `Bearer`, or the password of `Basic`: some clients can name nothing but a URL. */
function tokenIn(header: string | undefined): string | undefined {
  const [, scheme, credentials] = /^(bearer|basic) +(\S+)$/i.exec(header ?? '') ?? [];
  if (credentials === undefined) return undefined;
  if (scheme?.toLowerCase() === 'bearer') return credentials;
  const [, password] = /^[^:]*:(.+)$/s.exec(Buffer.from(credentials, 'base64').toString()) ?? [];
  return password;
}

/** Refuses a client whose certificate does not name the group as its common name or a unit; undefined lets pass. */
export function certificateRefusal(
  { socket }: IncomingMessage,
  group: string,
): FleetLockAnswer | undefined {
  const wrong = (why: string): FleetLockAnswer => ({
    status: 403,
    kind: 'wrong_certificate',
    value: `${why}; it must name the group ${group} as CN or OU`,
  });
  if (!('getPeerCertificate' in socket)) return wrong('there is no client certificate without TLS');
  // Node's own class for connections with TLS, which a plain one is not.
  const secure = socket as TLSSocket;
  if (!secure.authorized) return wrong('the client shows no certificate that is trusted');
  const { subject } = secure.getPeerCertificate();
  // A name that stands several times is an array, whatever the types say.
  const names: unknown[] = [subject?.CN, subject?.OU].flat();
  return names.includes(group) ? undefined : wrong('the certificate is of another group');
}
