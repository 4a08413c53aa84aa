import type { ByteString } from '@lockstep/client/protocol';

export type PermissionKind = 'read' | 'write' | 'readwrite';

/** Keys in [key, rangeEnd). An empty end means the one key; "\0" means every key from `key` on. */
export interface PermittedRange {
  readonly key: ByteString;
  readonly rangeEnd: ByteString;
}

export interface Permission extends PermittedRange {
  readonly kind: PermissionKind;
}

/** Immutable; a change makes another. */
export interface UserRecord {
  readonly name: string;
  /** Of bcrypt; empty for a user without a password. */
  readonly passwordHash: string;
  /** It can prove who it is by a certificate or a signed token only. */
  readonly noPassword: boolean;
  /** The auth revision since which the password is this one: older tokens of the user are dead. */
  readonly passwordRevision: number;
  /** Sorted. */
  readonly roles: readonly string[];
}

/** Immutable; a change makes another. */
export interface RoleRecord {
  readonly name: string;
  /** By key, then by end; no range is there twice. */
  readonly permissions: readonly Permission[];
}

/** One change of the replicated rights, as the log carries it. Passwords come as hashes. */
export type AuthAction =
  /** `secret` signs tokens from now on; the proposer drew it, since apply knows no chance. */
  | { readonly action: 'authEnable'; readonly secret: string }
  | { readonly action: 'authDisable' }
  | {
      readonly action: 'userAdd';
      readonly name: string;
      readonly passwordHash: string;
      readonly noPassword: boolean;
    }
  | { readonly action: 'userDelete'; readonly name: string }
  | {
      readonly action: 'userChangePassword';
      readonly name: string;
      readonly passwordHash: string;
    }
  | { readonly action: 'userGrantRole'; readonly name: string; readonly role: string }
  | { readonly action: 'userRevokeRole'; readonly name: string; readonly role: string }
  | { readonly action: 'roleAdd'; readonly role: string }
  | { readonly action: 'roleDelete'; readonly role: string }
  | {
      readonly action: 'roleGrantPermission';
      readonly role: string;
      /** Undefined when the request had none, which is refused. */
      readonly permission: Permission | undefined;
    }
  | {
      readonly action: 'roleRevokePermission';
      readonly role: string;
      readonly range: PermittedRange;
    };

/** Why a change of rights is refused; rows of the protocol's table. */
export type AuthRefusal =
  | 'root_user_missing'
  | 'root_role_missing'
  | 'user_name_empty'
  | 'role_name_empty'
  | 'user_exists'
  | 'user_not_found'
  | 'role_exists'
  | 'role_not_found'
  | 'role_not_granted'
  | 'permission_not_granted'
  | 'permission_not_given'
  | 'invalid_auth_management'
  | 'permission_denied'
  | 'auth_revision_old';

/** The user and the role that may do everything, and without which rights cannot be enforced. */
export const root = 'root';
