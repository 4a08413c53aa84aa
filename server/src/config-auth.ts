/** How a member tells who its callers are, as far as the operator decides it. */
import { text, wholeNumber } from './config-kinds.ts';

export interface AuthConfig {
  /** `simple`, or `jwt,sign-method=...,pub-key=FILE,priv-key=FILE,ttl=10m`, as etcd has it. */
  readonly authToken: string;
  /** Seconds for which a simple token is good. */
  readonly authTokenTtl: number;
}

export const authDefaults = { authToken: 'simple', authTokenTtl: 300 } as const;

export const authSettings = {
  authToken: text.default(authDefaults.authToken),
  authTokenTtl: wholeNumber(1, 31_536_000).default(authDefaults.authTokenTtl),
};
