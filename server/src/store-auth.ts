/** Users, roles and rights as a store keeps them; see store.ts. */
import type { PermissionKind } from '@lockstep/client/protocol';
import type { KeyRange } from './store.ts';

/** What one user may do. */
export interface AuthRights {
  /** It may do everything, and administer. */
  readonly isRoot: boolean;
  permits(action: 'read' | 'write', range: KeyRange): boolean;
}

export interface AuthUser {
  readonly passwordHash: string;
  readonly noPassword: boolean;
  /** The auth revision since which the password is this one. */
  readonly passwordRevision: number;
  readonly roles: readonly string[];
}

export interface AuthPermission extends KeyRange {
  readonly kind: PermissionKind;
}

/** Who may do what, as applied here. It never changes: another object says that rights have changed. */
export interface AuthView {
  readonly enabled: boolean;
  readonly revision: number;
  /** Signs tokens, on every member alike; empty while rights are not enforced. */
  readonly secret: string;
  user(name: string): AuthUser | undefined;
  role(name: string): { readonly permissions: readonly AuthPermission[] } | undefined;
  /** Sorted. */
  userNames(): readonly string[];
  roleNames(): readonly string[];
  /** None for a user that there is not. */
  rights(name: string): AuthRights;
}

/** One change of rights. Passwords come as hashes. */
export type AuthChange =
  | { readonly action: 'authEnable'; readonly secret: string }
  | { readonly action: 'authDisable' }
  | {
      readonly action: 'userAdd';
      readonly name: string;
      readonly passwordHash: string;
      readonly noPassword: boolean;
    }
  | { readonly action: 'userDelete'; readonly name: string }
  | { readonly action: 'userChangePassword'; readonly name: string; readonly passwordHash: string }
  | { readonly action: 'userGrantRole'; readonly name: string; readonly role: string }
  | { readonly action: 'userRevokeRole'; readonly name: string; readonly role: string }
  | { readonly action: 'roleAdd'; readonly role: string }
  | { readonly action: 'roleDelete'; readonly role: string }
  | {
      readonly action: 'roleGrantPermission';
      readonly role: string;
      readonly permission: AuthPermission | undefined;
    }
  | { readonly action: 'roleRevokePermission'; readonly role: string; readonly range: KeyRange };

/**
 * For whom a change is proposed while rights are enforced, and the auth revision at which that was
 * allowed: if it is another when the change is applied, the change is `auth_revision_old` and was not run.
 */
export interface Asker {
  readonly user: string;
  readonly authRevision: number;
}
