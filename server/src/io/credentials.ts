import { createHmac, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Credentials, Tokens } from '../ports.ts';
import { JwtTokens } from './jwt-tokens.ts';
import { PasswordThread } from './password-thread.ts';
import { SimpleTokens } from './simple-tokens.ts';

export interface SystemCredentialsOptions {
  /** As of `--auth-token`. */
  readonly authToken: string;
  readonly simpleTtlMs: number;
}

/** Passwords and tokens with the system's own cryptography. */
export class SystemCredentials implements Credentials {
  readonly tokens: Tokens;
  readonly #passwords = new PasswordThread();
  /** Fingerprints are of this process alone: they tell nothing to who reads its memory later. */
  readonly #key = randomBytes(32);

  constructor(tokens: Tokens) {
    this.tokens = tokens;
  }

  /** @throws Error in a sentence when the tokens cannot be as they were asked for. */
  static async open(options: SystemCredentialsOptions): Promise<SystemCredentials> {
    return new SystemCredentials(await tokensOf(options));
  }

  hash(password: string): Promise<string> {
    return this.#passwords.hash(password);
  }

  matches(password: string, hash: string): Promise<boolean> {
    return this.#passwords.matches(password, hash);
  }

  drawSecret(): string {
    return randomBytes(32).toString('base64url');
  }

  fingerprint(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64');
  }

  close(): Promise<void> {
    return this.#passwords.close();
  }
}

const jwtOptions = ['sign-method', 'pub-key', 'priv-key', 'ttl'];

async function tokensOf({ authToken, simpleTtlMs }: SystemCredentialsOptions): Promise<Tokens> {
  const [kind, ...pairs] = authToken.split(',').map((part) => part.trim());
  if (kind === 'simple') {
    if (pairs.length > 0) throw new Error('simple takes no options; its life is --auth-token-ttl');
    return new SimpleTokens(simpleTtlMs);
  }
  if (kind !== 'jwt') {
    throw new Error(`it must be simple, or jwt,sign-method=...,priv-key=FILE; got "${authToken}"`);
  }
  const given = new Map<string, string>();
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    const name = pair.slice(0, Math.max(0, at));
    if (at < 1 || !jwtOptions.includes(name) || given.has(name)) {
      throw new Error(`jwt takes ${jwtOptions.join('=, ')}=, each once; got "${pair}"`);
    }
    given.set(name, pair.slice(at + 1));
  }
  const signMethod = given.get('sign-method');
  if (signMethod === undefined) throw new Error('jwt needs sign-method=, for example RS256');
  return new JwtTokens({
    signMethod,
    publicKey: await keyFile('pub-key', given.get('pub-key')),
    privateKey: await keyFile('priv-key', given.get('priv-key')),
    ttlMs: durationMs(given.get('ttl') ?? '5m'),
  });
}

async function keyFile(name: string, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${name} cannot be read: ${reason}`);
  }
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `10m`, `1h30m`, as etcd writes a time. */
function durationMs(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  const ms = parts.reduce(
    (sum, [, count, unit = 's']) => sum + Number(count) * (unitMs[unit] ?? 0),
    0,
  );
  if (parts.map(([whole]) => whole).join('') !== text || !(ms >= 1_000)) {
    throw new Error(`ttl must be a time of at least a second, such as 10m or 1h30m; got "${text}"`);
  }
  return ms;
}
