import { formatRequest } from '@lockstep/client/protocol';
import type { Clock } from '../clock.ts';
import { isObject } from '../errors.ts';

/** How a client says who it is. */
export type ClientAuth =
  | { readonly name: string; readonly password: string }
  /** Of an earlier login, or made by whoever has the cluster's signing key. It is not renewed. */
  | { readonly token: string };

/** The id of a login's frame; those of calls begin at 1. */
export const loginId = 0;

/** Calls that are refused with these may be allowed after another login. */
const loggedOut: ReadonlySet<unknown> = new Set(['user_name_empty', 'invalid_auth_token']);
/** A token that is over sooner is not begun with. */
const tokenMsMin = 5_000;
/** After this share of a token's life another is asked for. */
const renewAfter = 0.8;
const retryMs = 500;

/**
 * Says on each connection who the client is, before anything else is sent: the member lets calls that
 * come after a login wait for it. Says it again before the token runs out, and when a member does not
 * know it any more.
 */
export class Login {
  readonly #auth: ClientAuth;
  readonly #clock: Clock;
  readonly #send: (frame: string) => void;
  /** What the last login answered, for the next connection: it costs the member no check of a password. */
  #token: { readonly text: string; readonly expiresAt: number } | undefined;
  #underWay = false;
  /** Why the member does not take it: no other login will change that. */
  #refusal: unknown;
  #cancelNext: () => void = () => {};

  constructor(auth: ClientAuth, clock: Clock, send: (frame: string) => void) {
    this.#auth = auth;
    this.#clock = clock;
    this.#send = send;
  }

  /** A new connection. */
  up(): void {
    this.#refusal = undefined;
    this.#ask();
  }

  /** The connection is gone, or the client is closed. */
  down(): void {
    this.#underWay = false;
    this.#cancelNext();
  }

  /** The answer to a frame of {@link loginId}. */
  reply(result: unknown, error: unknown): void {
    this.#underWay = false;
    if (error === undefined) return this.#entered(isObject(result) ? result : {});
    const { code, retryable } = dataOf(error);
    // Nobody is asked who he is, or not yet.
    if (code === 'auth_not_enabled') return;
    if (code === 'invalid_auth_token' && this.#token !== undefined && !('token' in this.#auth)) {
      this.#token = undefined;
      this.#ask();
    } else if (retryable === true) {
      this.#later(retryMs);
    } else this.#refusal = error;
  }

  /** The error of a call as its caller should see it: the reason why there is no login, or one to try again after it. */
  seen(error: unknown): unknown {
    if (!isObject(error) || !loggedOut.has(dataOf(error).code)) return error;
    if (this.#refusal !== undefined) return this.#refusal;
    if (!this.#underWay) {
      this.#token = undefined;
      this.#ask();
    }
    return { ...error, data: { ...dataOf(error), retryable: true } };
  }

  #entered({ token, expiresInMs }: Record<string, unknown>): void {
    if (typeof token !== 'string' || typeof expiresInMs !== 'number') return;
    this.#token = { text: token, expiresAt: this.#clock.now() + expiresInMs };
    if ('token' in this.#auth) return;
    this.#cancelNext();
    this.#cancelNext = this.#clock.after(Math.max(1_000, expiresInMs * renewAfter), () => {
      this.#token = undefined;
      this.#ask();
    });
  }

  #later(ms: number): void {
    this.#cancelNext();
    this.#cancelNext = this.#clock.after(ms, () => this.#ask());
  }

  #ask(): void {
    this.#underWay = true;
    this.#cancelNext();
    const known = this.#token;
    const isGood = known !== undefined && known.expiresAt - this.#clock.now() > tokenMsMin;
    const params = isGood ? { token: known.text } : this.#auth;
    this.#send(formatRequest(loginId, 'auth.login', params));
  }
}

function dataOf(error: unknown): Record<string, unknown> {
  return isObject(error) && isObject(error.data) ? error.data : {};
}
