/** X.509 certificates (RFC 5280) on the curve P-256, signed with SHA-256. */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import {
  addressBytes,
  bits,
  integer,
  objectId,
  octets,
  sequence,
  setOf,
  tagged,
  time,
  utf8,
  yes,
} from './der.ts';

/** A certificate and its private key, in PEM. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}

/** Who can sign. */
export interface Authority extends Issued {
  readonly name: string;
  readonly privateKey: KeyObject;
  readonly keyId: Buffer;
}

export interface CertificateOptions {
  readonly commonName: string;
  /** What it may be shown as. */
  readonly usages: readonly ('server' | 'client')[];
  /** DNS names and IP addresses it is for. */
  readonly hosts?: readonly string[];
  readonly validFrom?: Date;
  readonly validTo: Date;
}

export const oids = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const;

const hourMs = 60 * 60 * 1_000;
/** Clocks differ: what is made here may be used elsewhere at once. */
const clockSkewMs = hourMs;
/** The bits of keyUsage, the first one highest. */
const usageBits = { digitalSignature: 0x80, keyCertSign: 0x04, crlSign: 0x02 } as const;

/** An authority that signs itself. */
export function createAuthority(name: string, validTo: Date, validFrom = recently()): Authority {
  const { publicKey, privateKey } = keyPair();
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const keyId = keyIdOf(publicKey);
  const cert = signed(privateKey, [
    ...begin(name, validFrom, validTo, name, spki),
    extensions([
      critical(oids.basicConstraints, sequence(yes())),
      critical(oids.keyUsage, bits(Buffer.from([usageBits.keyCertSign | usageBits.crlSign]), 1)),
      extension(oids.subjectKeyIdentifier, octets(keyId)),
    ]),
  ]);
  return { name, privateKey, keyId, cert: pem('CERTIFICATE', cert), key: pemOfKey(privateKey) };
}

/** @throws RangeError when a host is neither a name nor an address. */
export function issue(authority: Authority, options: CertificateOptions): Issued {
  const { commonName, usages, hosts = [], validFrom = recently(), validTo } = options;
  const { publicKey, privateKey } = keyPair();
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const purposes = usages.map((usage) => objectId(oids[`${usage}Auth`]));
  const cert = signed(authority.privateKey, [
    ...begin(authority.name, validFrom, validTo, commonName, spki),
    extensions([
      critical(oids.basicConstraints, sequence()),
      critical(oids.keyUsage, bits(Buffer.from([usageBits.digitalSignature]), 7)),
      extension(oids.extendedKeyUsage, sequence(...purposes)),
      extension(oids.subjectKeyIdentifier, octets(keyIdOf(publicKey))),
      extension(oids.authorityKeyIdentifier, sequence(tagged(0x80, authority.keyId))),
      ...(hosts.length === 0
        ? []
        : [extension(oids.subjectAltName, sequence(...hosts.map(generalName)))]),
    ]),
  ]);
  return { cert: pem('CERTIFICATE', cert), key: pemOfKey(privateKey) };
}

function recently(): Date {
  return new Date(Date.now() - clockSkewMs);
}

function keyPair(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function pemOfKey(privateKey: KeyObject): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** The first fields of the part that is signed, up to the public key. */
function begin(issuer: string, from: Date, to: Date, subject: string, spki: Buffer): Buffer[] {
  // Unique, not negative, and nothing that could be guessed.
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  return [
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(serial),
    ecdsa,
    nameOf(issuer),
    sequence(time(from), time(to)),
    nameOf(subject),
    spki,
  ];
}

const ecdsa = sequence(objectId(oids.ecdsaWithSha256));

export function nameOf(commonName: string): Buffer {
  return sequence(setOf(sequence(objectId(oids.commonName), utf8(commonName))));
}

/** Fields, the algorithm and the signature over them: certificates and revocation lists alike. */
export function signed(privateKey: KeyObject, fields: readonly Buffer[]): Buffer {
  const body = sequence(...fields);
  return sequence(body, ecdsa, bits(sign('sha256', body, privateKey)));
}

/** The first method of RFC 5280, 4.2.1.2: over the key alone, without its algorithm. */
function keyIdOf(publicKey: KeyObject): Buffer {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const point = [Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')];
  return createHash('sha1').update(Buffer.concat(point)).digest();
}

function extensions(all: readonly Buffer[]): Buffer {
  return tagged(0xa3, sequence(...all));
}

function extension(oid: string, value: Buffer): Buffer {
  return sequence(objectId(oid), octets(value));
}

/** Whoever does not know it must refuse the certificate. */
function critical(oid: string, value: Buffer): Buffer {
  return sequence(objectId(oid), yes(), octets(value));
}

function generalName(host: string): Buffer {
  if (isIP(host) !== 0) return tagged(0x87, addressBytes(host));
  if (!isHostName(host))
    throw new RangeError(`"${host}" is neither the name of a host nor an IP address`);
  return tagged(0x82, Buffer.from(host, 'latin1'));
}

/** Also `*.example.com`. */
export function isHostName(host: string): boolean {
  const label = '[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?';
  return host.length <= 253 && new RegExp(`^(\\*\\.)?${label}(\\.${label})*$`).test(host);
}

export function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
