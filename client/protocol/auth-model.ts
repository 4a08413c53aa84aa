import type { WireBytes } from './bytes.ts';
import type { Header, KeySelector } from './model.ts';

export type PermissionKind = 'read' | 'write' | 'readwrite';

export interface AuthStatusResult {
  readonly header: Header;
  readonly enabled: boolean;
  /** Begins at 1 and goes up with each change of users, roles and permissions. */
  readonly authRevision: number;
}

/** The answer of every method that changes rights. */
export interface AuthChangeResult {
  readonly header: Header;
}

/** Either `name` and `password`, or a `token` that was answered before. */
export interface LoginParams {
  readonly name?: string;
  readonly password?: string;
  readonly token?: string;
}

export interface LoginResult {
  readonly header: Header;
  readonly name: string;
  /** Good on every member, as `Authorization: Bearer <token>` too. */
  readonly token: string;
  /** How long the token still is good. */
  readonly expiresInMs: number;
}

export interface UserAddParams {
  readonly name: string;
  /** Must be there unless `noPassword` is. */
  readonly password?: string;
  /** The user can prove who it is by a certificate or a signed token only. */
  readonly noPassword?: boolean;
}

export interface UserParams {
  readonly name: string;
}

export interface PasswordParams {
  readonly name: string;
  readonly password: string;
}

export interface UserRoleParams {
  readonly name: string;
  readonly role: string;
}

export interface UserGetResult {
  readonly header: Header;
  readonly roles: readonly string[];
}

export interface UserListResult {
  readonly header: Header;
  readonly users: readonly string[];
}

export interface RoleParams {
  readonly role: string;
}

export interface RoleGetResult {
  readonly header: Header;
  readonly permissions: readonly WirePermission[];
}

export interface WirePermission {
  readonly permission: PermissionKind;
  readonly key: WireBytes;
  /** As in a request: absent for the one key, "\0" for every key from `key` on. */
  readonly rangeEnd?: WireBytes;
}

export interface RoleListResult {
  readonly header: Header;
  readonly roles: readonly string[];
}

export interface GrantPermissionParams extends KeySelector {
  readonly role: string;
  readonly permission: PermissionKind;
}

export interface RevokePermissionParams extends KeySelector {
  readonly role: string;
}
