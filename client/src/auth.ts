import type { PermissionKind, WireBytes, WirePermission } from '@lockstep/client/protocol';
import type { CallOptions } from './calls/call.ts';
import type { Requests } from './calls/requests.ts';
import type { Client } from './client.ts';
import { wireOf } from './connection/wire.ts';
import { type Selector, wireSelector } from './key-value.ts';

export interface AuthStatus {
  readonly enabled: boolean;
  /** Goes up by one with each change of users, roles and permissions. */
  readonly authRevision: number;
}

/** A permission as it was given. Keys that are not valid UTF-8 are in their base64 form. */
export interface Permission {
  readonly permission: PermissionKind;
  readonly key: WireBytes;
  /** Undefined for the one key, "\0" for every key from `key` on. */
  readonly rangeEnd: WireBytes | undefined;
}

/**
 * Users, roles and permissions of the cluster: `new Auth(client)`. Once they are enforced, whoever changes
 * them needs the role root. Each call rejects with an error whose `code` is a row of the error table.
 */
export class Auth {
  readonly #requests: Requests;

  constructor(client: Client) {
    this.#requests = wireOf(client).requests;
  }

  async status(options: CallOptions = {}): Promise<AuthStatus> {
    const { enabled, authRevision } = await this.#requests.call('auth.status', {}, options);
    return { enabled, authRevision };
  }

  /** From now on everybody must say who he is. @throws LockstepError `root_user_missing`, `root_role_missing`. */
  async enable(options: CallOptions = {}): Promise<void> {
    await this.#requests.call('auth.enable', {}, options);
  }

  async disable(options: CallOptions = {}): Promise<void> {
    await this.#requests.call('auth.disable', {}, options);
  }

  /** Without a password the user can come with a certificate or a signed token only. */
  async addUser(
    name: string,
    password: string | undefined,
    options: CallOptions = {},
  ): Promise<void> {
    const params = password === undefined ? { name, noPassword: true } : { name, password };
    await this.#requests.call('auth.userAdd', params, options);
  }

  async deleteUser(name: string, options: CallOptions = {}): Promise<void> {
    await this.#requests.call('auth.userDelete', { name }, options);
  }

  /** Ends what the user is logged in with. */
  async changePassword(name: string, password: string, options: CallOptions = {}): Promise<void> {
    await this.#requests.call('auth.userChangePassword', { name, password }, options);
  }

  async grantRole(name: string, role: string, options: CallOptions = {}): Promise<void> {
    await this.#requests.call('auth.userGrantRole', { name, role }, options);
  }

  async revokeRole(name: string, role: string, options: CallOptions = {}): Promise<void> {
    await this.#requests.call('auth.userRevokeRole', { name, role }, options);
  }

  /** The roles of a user. */
  async rolesOf(name: string, options: CallOptions = {}): Promise<readonly string[]> {
    return (await this.#requests.call('auth.userGet', { name }, options)).roles;
  }

  async users(options: CallOptions = {}): Promise<readonly string[]> {
    return (await this.#requests.call('auth.userList', {}, options)).users;
  }

  async addRole(role: string, options: CallOptions = {}): Promise<void> {
    await this.#requests.call('auth.roleAdd', { role }, options);
  }

  async deleteRole(role: string, options: CallOptions = {}): Promise<void> {
    await this.#requests.call('auth.roleDelete', { role }, options);
  }

  /** A second permission on the same keys replaces the first. */
  async grantPermission(
    role: string,
    permission: PermissionKind,
    selector: Selector,
    options: CallOptions = {},
  ): Promise<void> {
    const params = { role, permission, ...wireSelector(selector) };
    await this.#requests.call('auth.roleGrantPermission', params, options);
  }

  /** Takes back what was granted on exactly these keys. */
  async revokePermission(
    role: string,
    selector: Selector,
    options: CallOptions = {},
  ): Promise<void> {
    const params = { role, ...wireSelector(selector) };
    await this.#requests.call('auth.roleRevokePermission', params, options);
  }

  async permissionsOf(role: string, options: CallOptions = {}): Promise<readonly Permission[]> {
    const { permissions } = await this.#requests.call('auth.roleGet', { role }, options);
    return permissions.map(({ permission, key, rangeEnd }: WirePermission) => ({
      permission,
      key,
      rangeEnd,
    }));
  }

  async roles(options: CallOptions = {}): Promise<readonly string[]> {
    return (await this.#requests.call('auth.roleList', {}, options)).roles;
  }
}
