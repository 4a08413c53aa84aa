/** Whom a certificate that was verified in a handshake names. */
import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/** Who is let in among those whose certificate the authority has signed: one of these names must be in it. */
export interface AllowedNames {
  /** `hostname` compares with DNS names and addresses of the certificate, wildcards in it included; `cn` with its common name. */
  readonly kind: 'cn' | 'hostname';
  readonly names: readonly string[];
}

/**
 * The common name of the client's certificate, if the connection has one that was verified against the trusted
 * authority and has exactly one common name; undefined otherwise. The socket of a connection over HTTP/2
 * (`stream.session.socket`) will do as well.
 */
export function commonNameOf(socket: Duplex): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const known = commonNames.get(socket);
  if (known !== undefined) return known.name;
  const name = onlyCommonName(socket.getPeerX509Certificate());
  commonNames.set(socket, { name });
  return name;
}

/** A certificate does not change while its connection lives, and reading it is not cheap. */
const commonNames = new WeakMap<TLSSocket, { readonly name: string | undefined }>();

/** Why the other side's verified certificate is not let in; undefined when it is. */
export function nameRefusal(socket: TLSSocket, allowed: AllowedNames): string | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return 'it showed no certificate';
  const wanted = allowed.names.join(', ');
  if (allowed.kind === 'cn') {
    const name = onlyCommonName(certificate);
    if (name !== undefined && allowed.names.includes(name)) return undefined;
    return `its certificate is of ${JSON.stringify(name ?? certificate.subject)}, allowed is ${wanted}`;
  }
  if (allowed.names.some((name) => isFor(certificate, name))) return undefined;
  const names = certificate.subjectAltName ?? 'no name of a host';
  return `its certificate is for ${names}, allowed is ${wanted}`;
}

function isFor(certificate: X509Certificate, name: string): boolean {
  if (isIP(name) !== 0) return certificate.checkIP(name) !== undefined;
  return certificate.checkHost(name, { subject: 'never' }) !== undefined;
}

/** Of several it would be unclear which one counts. */
function onlyCommonName(certificate: X509Certificate | undefined): string | undefined {
  const subject: unknown = certificate?.toLegacyObject().subject.CN;
  return typeof subject === 'string' ? subject : undefined;
}
