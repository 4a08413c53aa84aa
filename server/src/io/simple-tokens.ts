import { createHmac, timingSafeEqual } from 'node:crypto';
import type { TokenClaims, Tokens } from '../ports.ts';

/**
 * Tokens that say who and until when, signed with the cluster's secret: no member keeps a list of them,
 * and all members take them. Two parts of base64url: what it says, and an HMAC-SHA256 over that.
 */
export class SimpleTokens implements Tokens {
  readonly ttlMs: number;

  constructor(ttlMs: number) {
    this.ttlMs = ttlMs;
  }

  issue({ user, revision, expiresAtMs }: TokenClaims, secret: string): string {
    const said = Buffer.from(JSON.stringify([user, revision, expiresAtMs])).toString('base64url');
    return `${said}.${sealOf(said, secret).toString('base64url')}`;
  }

  read(token: string, secret: string): TokenClaims | undefined {
    const [said = '', given, ...more] = token.split('.');
    if (given === undefined || more.length > 0 || secret === '') return undefined;
    const seal = Buffer.from(given, 'base64url');
    const expected = sealOf(said, secret);
    if (seal.length !== expected.length || !timingSafeEqual(seal, expected)) return undefined;
    // Only what this class wrote has this seal.
    const [user, revision, expiresAtMs] = JSON.parse(Buffer.from(said, 'base64url').toString());
    return { user, revision, expiresAtMs };
  }
}

function sealOf(said: string, secret: string): Buffer {
  return createHmac('sha256', secret).update(said).digest();
}
