import { limits, TableError } from '@lockstep/client/protocol';
import type { Credentials } from '../../ports.ts';
import type { AuthUser } from '../../store.ts';

/** Checks that wait or run: bcrypt takes a tenth of a second of a core for each. */
const runningMax = 64;
/** Passwords that were right, remembered by fingerprint so that the next request costs no bcrypt. */
const rememberedMax = 1_000;
/** The hash of a password that nobody knows: whether there is such a user must not show in the time it takes. */
const nobodysHash = '$2b$10$hJLTR4XZCscpqvcJqPr7H.cZ6488cUa0RQR2QgREX8EXYbAJLGM6a';

/** Passwords against hashes: a bounded number at a time, and each that was right only once. */
export class PasswordChecks {
  readonly #credentials: Credentials;
  /** Fingerprint of name and password to the hash that it fitted; the one used longest ago comes first. */
  readonly #remembered = new Map<string, string>();
  #running = 0;

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  /** @throws TableError (rejects with) `too_many_requests`. */
  async check(user: AuthUser | undefined, name: string, password: string): Promise<boolean> {
    const isKnown = user !== undefined && !user.noPassword && user.passwordHash !== '';
    const hash = isKnown ? user.passwordHash : nobodysHash;
    const fingerprint = this.#credentials.fingerprint(JSON.stringify([name, password]));
    if (this.#remembered.get(fingerprint) === hash) {
      this.#remember(fingerprint, hash);
      return true;
    }
    const isShort = new TextEncoder().encode(password).length <= limits.passwordBytesMax;
    const matches = await this.#bounded(() => this.#credentials.matches(password, hash));
    if (!matches || !isKnown || !isShort) return false;
    this.#remember(fingerprint, hash);
    return true;
  }

  hash(password: string): Promise<string> {
    return this.#bounded(() => this.#credentials.hash(password));
  }

  async #bounded<Outcome>(run: () => Promise<Outcome>): Promise<Outcome> {
    if (this.#running >= runningMax) {
      throw new TableError(
        'too_many_requests',
        `etcdserver: too many requests; ${runningMax} passwords are being checked, so try again, or keep the token of a login`,
      );
    }
    this.#running++;
    try {
      return await run();
    } finally {
      this.#running--;
    }
  }

  #remember(fingerprint: string, hash: string): void {
    this.#remembered.delete(fingerprint);
    this.#remembered.set(fingerprint, hash);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > rememberedMax && oldest !== undefined) {
      this.#remembered.delete(oldest);
    }
  }
}
