import {
  constants,
  createHmac,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto';
import type { TokenClaims, Tokens } from '../ports.ts';

/** How a signature is made (RFC 7518, RFC 8037). */
type Scheme =
  | { readonly kind: 'hmac'; readonly digest: string }
  | { readonly kind: 'rsa'; readonly digest: string; readonly pss: boolean }
  | { readonly kind: 'ec'; readonly digest: string; readonly curve: string }
  | { readonly kind: 'ed25519' };

const schemes: ReadonlyMap<string, Scheme> = new Map<string, Scheme>([
  ...['256', '384', '512'].flatMap((bits): [string, Scheme][] => [
    [`HS${bits}`, { kind: 'hmac', digest: `sha${bits}` }],
    [`RS${bits}`, { kind: 'rsa', digest: `sha${bits}`, pss: false }],
    [`PS${bits}`, { kind: 'rsa', digest: `sha${bits}`, pss: true }],
  ]),
  ['ES256', { kind: 'ec', digest: 'sha256', curve: 'prime256v1' }],
  ['ES384', { kind: 'ec', digest: 'sha384', curve: 'secp384r1' }],
  ['ES512', { kind: 'ec', digest: 'sha512', curve: 'secp521r1' }],
  ['EdDSA', { kind: 'ed25519' }],
]);

export const signMethods: readonly string[] = [...schemes.keys()];

export interface JwtOptions {
  readonly signMethod: string;
  /** The text of the key files; of an HMAC, `privateKey` is the secret itself. */
  readonly publicKey: string | undefined;
  readonly privateKey: string | undefined;
  readonly ttlMs: number;
}

/**
 * Tokens that the operator's own keys sign (RFC 7519), with etcd's claims: `username`, `revision`,
 * `exp`. So whoever has the key may make them, and members with the public key alone only check them.
 */
export class JwtTokens implements Tokens {
  readonly ttlMs: number;
  readonly #method: string;
  readonly #scheme: Scheme;
  readonly #secret: string;
  readonly #private: KeyObject | undefined;
  readonly #public: KeyObject | undefined;

  /** @throws Error in a sentence when the keys do not fit the method. */
  constructor({ signMethod, publicKey, privateKey, ttlMs }: JwtOptions) {
    const scheme = schemes.get(signMethod);
    if (scheme === undefined) {
      throw new Error(`sign-method must be one of ${signMethods.join(', ')}; got "${signMethod}"`);
    }
    this.ttlMs = ttlMs;
    this.#method = signMethod;
    this.#scheme = scheme;
    this.#secret = privateKey ?? '';
    if (scheme.kind === 'hmac') {
      if (this.#secret === '') {
        throw new Error(`${signMethod} signs with a secret: name its file with priv-key=`);
      }
      return;
    }
    if (privateKey === undefined && publicKey === undefined) {
      throw new Error(`${signMethod} needs pub-key= to check tokens, and priv-key= to make them`);
    }
    this.#private =
      privateKey === undefined
        ? undefined
        : keyOf('priv-key', () => createPrivateKey(privateKey), signMethod, scheme);
    this.#public =
      publicKey === undefined
        ? this.#private && createPublicKey(this.#private)
        : keyOf('pub-key', () => createPublicKey(publicKey), signMethod, scheme);
  }

  issue({ user, revision, expiresAtMs }: TokenClaims): string | undefined {
    if (this.#scheme.kind !== 'hmac' && this.#private === undefined) return undefined;
    const exp = Math.floor(expiresAtMs / 1000);
    const said = [
      { alg: this.#method, typ: 'JWT' },
      { username: user, revision, exp },
    ]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    return `${said}.${this.#sign(said).toString('base64url')}`;
  }

  read(token: string): TokenClaims | undefined {
    const [header = '', payload = '', given, ...more] = token.split('.');
    if (given === undefined || more.length > 0) return undefined;
    // The method is the operator's, never the token's: one that names another was not made for here.
    if (recordOf(header).alg !== this.#method) return undefined;
    if (!this.#verify(`${header}.${payload}`, Buffer.from(given, 'base64url'))) return undefined;
    const { username, revision, exp, nbf } = recordOf(payload);
    if (typeof username !== 'string' || username === '') return undefined;
    if (!Number.isSafeInteger(revision) || Number(revision) < 0) return undefined;
    if (typeof exp !== 'number' || !Number.isFinite(exp)) return undefined;
    if (nbf !== undefined && !(typeof nbf === 'number' && nbf * 1000 <= Date.now()))
      return undefined;
    return { user: username, revision: Number(revision), expiresAtMs: exp * 1000 };
  }

  #sign(said: string): Buffer {
    const scheme = this.#scheme;
    if (scheme.kind === 'hmac') {
      return createHmac(scheme.digest, this.#secret).update(said).digest();
    }
    const key = this.#private as KeyObject;
    const digest = scheme.kind === 'ed25519' ? null : scheme.digest;
    return sign(digest, Buffer.from(said), { key, ...paddingOf(scheme) });
  }

  #verify(said: string, seal: Buffer): boolean {
    const scheme = this.#scheme;
    if (scheme.kind === 'hmac') {
      const expected = this.#sign(said);
      return seal.length === expected.length && timingSafeEqual(seal, expected);
    }
    const key = this.#public as KeyObject;
    const digest = scheme.kind === 'ed25519' ? null : scheme.digest;
    return verify(digest, Buffer.from(said), { key, ...paddingOf(scheme) }, seal);
  }
}

function paddingOf(scheme: Scheme): object {
  if (scheme.kind === 'ec') return { dsaEncoding: 'ieee-p1363' };
  if (scheme.kind !== 'rsa' || !scheme.pss) return {};
  return {
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  };
}

function keyOf(option: string, read: () => KeyObject, method: string, scheme: Scheme): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch (error) {
    throw new Error(
      `${option} is no key in PEM: ${error instanceof Error ? error.message : error}`,
    );
  }
  const curve = key.asymmetricKeyDetails?.namedCurve;
  const fits =
    scheme.kind === 'ec' ? scheme.curve === curve : scheme.kind === key.asymmetricKeyType;
  if (!fits) {
    const what = `${key.asymmetricKeyType ?? key.type}${curve === undefined ? '' : ` (${curve})`}`;
    throw new Error(`${option} is a key of type ${what}, which ${method} does not sign with`);
  }
  return key;
}

function recordOf(part: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
