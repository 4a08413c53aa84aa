/** Certificates for tests, made by the code behind `lockstep certs dev`. */
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import {
  type Authority,
  type CertificateOptions,
  createAuthority,
  type Issued,
  issue,
  nameOf,
  oids,
  pem,
  signed,
} from '../../cli/src/certificates/certificate.ts';
import { integer, objectId, sequence, time } from '../../cli/src/certificates/der.ts';
import { TlsIdentity, type TlsIdentityOptions } from '../../server/src/io/tls-identity.ts';

const dayMs = 24 * 60 * 60 * 1_000;

export function inDays(days: number): Date {
  return new Date(Date.now() + days * dayMs);
}

export interface Kept extends Issued {
  readonly certFile: string;
  readonly keyFile: string;
}

/** A list of the certificates that an authority takes back (RFC 5280, 5.1). */
function revocationList(authority: Authority, revoked: readonly string[]): string {
  const ecdsa = sequence(objectId(oids.ecdsaWithSha256));
  const rows = revoked.map((cert) => {
    const { serialNumber } = new X509Certificate(cert);
    return sequence(integer(Buffer.from(serialNumber, 'hex')), time(inDays(-1)));
  });
  const version = integer(Buffer.from([1]));
  const fields = [version, ecdsa, nameOf(authority.name), time(inDays(-1)), time(inDays(9))];
  const list = rows.length === 0 ? [] : [sequence(...rows)];
  return pem('X509 CRL', signed(authority.privateKey, [...fields, ...list]));
}

/** An authority with a directory for what it signs. */
export class TestAuthority {
  readonly authority: Authority = createAuthority('test authority', inDays(30));
  readonly caFile: string;
  readonly #directory: string;

  constructor(t: Pick<TestContext, 'after'>) {
    this.#directory = mkdtempSync(join(tmpdir(), 'lockstep-tls-'));
    t.after(() => rmSync(this.#directory, { recursive: true, force: true }));
    this.caFile = this.file('ca.pem', this.authority.cert);
  }

  get ca(): string {
    return this.authority.cert;
  }

  file(name: string, text: string): string {
    const path = join(this.#directory, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  /** Writes what the authority takes back. */
  revoke(...revoked: readonly Issued[]): string {
    const certs = revoked.map(({ cert }) => cert);
    return this.file('crl.pem', revocationList(this.authority, certs));
  }

  /** Signs, and writes two files that are called by `name`. */
  issue(name: string, options: Partial<CertificateOptions> = {}): Kept {
    const issued = issue(this.authority, {
      commonName: name,
      usages: ['server', 'client'],
      hosts: ['localhost', '127.0.0.1'],
      validTo: inDays(20),
      ...options,
    });
    const certFile = this.file(`${name}.pem`, issued.cert);
    return { ...issued, certFile, keyFile: this.file(`${name}-key.pem`, issued.key) };
  }
}

export interface OpenIdentity {
  readonly identity: TlsIdentity;
  readonly reloaded: string[];
  readonly warned: string[];
}

/** The certificate of a server, from its files; they are looked at again at every connection. */
export async function openIdentity(
  { certFile, keyFile }: Pick<Kept, 'certFile' | 'keyFile'>,
  options: Partial<TlsIdentityOptions> = {},
): Promise<OpenIdentity> {
  const reloaded: string[] = [];
  const warned: string[] = [];
  const identity = await TlsIdentity.open(
    { certFile, keyFile, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3', ...options },
    { reloaded: (sentence) => reloaded.push(sentence), warned: (text) => warned.push(text) },
    0,
  );
  return { identity, reloaded, warned };
}
