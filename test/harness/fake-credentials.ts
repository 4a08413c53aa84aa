import type { Credentials, TokenClaims } from '../../server/src/ports.ts';

/** Passwords and tokens without any secrecy: what is asked of them, and how often, shows. */
export class FakeCredentials implements Credentials {
  /** Comparisons that were asked for: each would cost a bcrypt. */
  checks = 0;
  #secrets = 0;
  /** Answers of comparisons that are held back. */
  #held: (() => void)[] | undefined;

  readonly tokens = {
    ttlMs: 300_000,
    issue: (claims: TokenClaims, secret: string) => `${JSON.stringify(claims)}|${secret}`,
    read: (token: string, secret: string): TokenClaims | undefined => {
      const [claims = '', signed] = token.split('|');
      return signed === secret ? JSON.parse(claims) : undefined;
    },
  };

  hash(password: string): Promise<string> {
    return Promise.resolve(`hash of ${password}`);
  }

  matches(password: string, hash: string): Promise<boolean> {
    this.checks++;
    const answer = hash === `hash of ${password}`;
    if (this.#held === undefined) return Promise.resolve(answer);
    return new Promise((resolve) => this.#held?.push(() => resolve(answer)));
  }

  /** From now on comparisons take until {@link release}. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const answer of held) answer();
  }

  drawSecret(): string {
    return `secret ${++this.#secrets}`;
  }

  fingerprint(text: string): string {
    return `fingerprint of ${text}`;
  }
}
