import { limits, TableError } from '@lockstep/client/protocol';
import type { Credentials, TokenClaims } from '../../ports.ts';
import type { AuthView, Store } from '../../store.ts';
import { anyone, type Caller } from '../caller.ts';
import { PasswordChecks } from './password-checks.ts';

/** What a connection or a request brings along to say who it is from. */
export interface Proofs {
  readonly token?: string | undefined;
  readonly basic?: { readonly name: string; readonly password: string } | undefined;
  /** The common name of the client's certificate, which the door has verified. */
  readonly commonName?: string | undefined;
}

export interface CallersOptions {
  readonly store: Store;
  readonly credentials: Credentials | undefined;
  readonly wallMs: () => number;
}

/** Finds out who is asking. What they may do is decided call by call, by the rights at that moment. */
export class Callers {
  readonly #store: Store;
  readonly #credentials: Credentials | undefined;
  readonly #wallMs: () => number;
  readonly #passwords: PasswordChecks | undefined;

  constructor({ store, credentials, wallMs }: CallersOptions) {
    this.#store = store;
    this.#credentials = credentials;
    this.#wallMs = wallMs;
    this.#passwords = credentials === undefined ? undefined : new PasswordChecks(credentials);
  }

  /**
   * Who brings these proofs: a token counts before a password, and that before a certificate. While
   * rights are not enforced nobody is asked, and only a certificate, which stays with its connection, is kept.
   * @throws TableError `invalid_auth_token`; `auth_failed`, `too_many_requests` reject.
   */
  of({ token, basic, commonName }: Proofs): Caller | Promise<Caller> {
    const view = this.#store.auth();
    const isAsked = view.enabled && token === undefined && basic !== undefined;
    return isAsked ? this.#withPassword(view, basic) : this.ofToken({ token, commonName });
  }

  /** The same where there is no password to check. @throws TableError `invalid_auth_token`. */
  ofToken({ token, commonName }: Omit<Proofs, 'basic'>): Caller {
    const view = this.#store.auth();
    if (view.enabled && token !== undefined) {
      const { user, revision, expiresAtMs } = this.claimsOf(token, view);
      return { name: user, identity: { user, revision, expiresAtMs }, permits: undefined };
    }
    if (commonName === undefined || commonName === '') return anyone;
    const identity = { user: commonName, revision: undefined, expiresAtMs: undefined };
    return { name: commonName, identity, permits: undefined };
  }

  async #withPassword(
    view: AuthView,
    { name, password }: { readonly name: string; readonly password: string },
  ): Promise<Caller> {
    const revision = await this.checkPassword(view, name, password);
    return { name, identity: { user: name, revision, expiresAtMs: undefined }, permits: undefined };
  }

  /** What a token says that is good now. @throws TableError `invalid_auth_token`. */
  claimsOf(token: string, view: AuthView): TokenClaims {
    const claims = this.#credentials?.tokens.read(token, view.secret);
    const user = claims && view.user(claims.user);
    if (
      claims === undefined ||
      user === undefined ||
      user.passwordRevision > claims.revision ||
      claims.expiresAtMs <= this.#wallMs()
    ) {
      throw new TableError('invalid_auth_token');
    }
    return claims;
  }

  /**
   * Resolves with the auth revision at which the password was right.
   * @throws TableError (rejects with) `auth_failed`, `too_many_requests`.
   */
  async checkPassword(view: AuthView, name: string, password: string): Promise<number> {
    // Before the check takes its time: a password that is changed meanwhile makes void what comes of it.
    const { revision } = view;
    const isRight = await this.#passwords?.check(view.user(name), name, password);
    if (isRight !== true) throw new TableError('auth_failed');
    return revision;
  }

  /** The hash under which a new password is kept. @throws TableError (rejects with) `invalid_params`, `too_many_requests`. */
  async hash(password: string): Promise<string> {
    const bytes = new TextEncoder().encode(password).length;
    if (bytes > limits.passwordBytesMax) {
      throw new TableError(
        'invalid_params',
        `params.password has ${bytes} bytes; bcrypt looks at ${limits.passwordBytesMax}, so a longer one would be cut`,
      );
    }
    const passwords = this.#passwords;
    if (passwords === undefined) throw withoutCredentials();
    return passwords.hash(password);
  }

  /** A token for somebody who has just proved who it is. */
  issue(user: string, revision: number): { readonly token: string; readonly expiresInMs: number } {
    const { tokens } = this.#credentials ?? {};
    if (tokens === undefined) throw withoutCredentials();
    const claims = { user, revision, expiresAtMs: this.#wallMs() + tokens.ttlMs };
    const token = tokens.issue(claims, this.#store.auth().secret);
    if (token === undefined) {
      throw new TableError(
        'invalid_auth_management',
        'etcdserver: invalid auth management; this member checks tokens and has no key to make any (--auth-token ... priv-key=)',
      );
    }
    return { token, expiresInMs: tokens.ttlMs };
  }

  drawSecret(): string {
    if (this.#credentials === undefined) throw withoutCredentials();
    return this.#credentials.drawSecret();
  }
}

function withoutCredentials(): TableError {
  return new TableError(
    'invalid_auth_management',
    'etcdserver: invalid auth management; this member was started without a way to check passwords and tokens',
  );
}
