import { unreachable } from '../base/assert.ts';
import { type AuthRecords, AuthState, initialAuth } from './auth-state.ts';
import { isPermittable } from './rights.ts';
import {
  type AuthAction,
  type AuthRefusal,
  type Permission,
  type PermittedRange,
  type RoleRecord,
  root,
  type UserRecord,
} from './types.ts';

type Action<Name extends AuthAction['action']> = Extract<AuthAction, { action: Name }>;

/**
 * The replicated users, roles and permissions (etcd API, Auth): which changes are refused, and in which
 * order that is looked at, is as etcd has it. Deterministic. Each change makes a new state and raises
 * the auth revision; only enabling keeps it.
 */
export class AuthTable {
  #state: AuthState = initialAuth;

  get state(): AuthState {
    return this.#state;
  }

  /** Takes a state as it was in a snapshot. */
  restore(records: AuthRecords): void {
    this.#state = new AuthState(records);
  }

  /** @returns why it is refused, and then nothing has changed. */
  apply(action: AuthAction): AuthRefusal | undefined {
    switch (action.action) {
      case 'authEnable':
        return this.#enable(action);
      case 'authDisable':
        // The secret goes too: no token outlives it.
        if (this.#state.enabled) this.#change({ enabled: false, secret: '' });
        return undefined;
      case 'userAdd':
        return this.#userAdd(action);
      case 'userDelete':
        return this.#userDelete(action);
      case 'userChangePassword':
        return this.#userChangePassword(action);
      case 'userGrantRole':
        return this.#userGrantRole(action);
      case 'userRevokeRole':
        return this.#userRevokeRole(action);
      case 'roleAdd':
        return this.#roleAdd(action);
      case 'roleDelete':
        return this.#roleDelete(action);
      case 'roleGrantPermission':
        return this.#roleGrantPermission(action);
      case 'roleRevokePermission':
        return this.#roleRevokePermission(action);
      default:
        return unreachable(action);
    }
  }

  #enable({ secret }: Action<'authEnable'>): AuthRefusal | undefined {
    const state = this.#state;
    if (state.enabled) return undefined;
    const user = state.users.get(root);
    if (user === undefined) return 'root_user_missing';
    if (!user.roles.includes(root)) return 'root_role_missing';
    const { revision, users, roles } = state;
    this.#state = new AuthState({ enabled: true, secret, revision, users, roles });
    return undefined;
  }

  #userAdd({ name, passwordHash, noPassword }: Action<'userAdd'>): AuthRefusal | undefined {
    if (name === '') return 'user_name_empty';
    if (this.#state.users.has(name)) return 'user_exists';
    this.#setUser({ name, passwordHash, noPassword, passwordRevision: this.#next, roles: [] });
    return undefined;
  }

  #userDelete({ name }: Action<'userDelete'>): AuthRefusal | undefined {
    if (this.#state.enabled && name === root) return 'invalid_auth_management';
    if (!this.#state.users.has(name)) return 'user_not_found';
    const users = new Map(this.#state.users);
    users.delete(name);
    this.#change({ users });
    return undefined;
  }

  #userChangePassword(action: Action<'userChangePassword'>): AuthRefusal | undefined {
    const user = this.#state.users.get(action.name);
    if (user === undefined) return 'user_not_found';
    const passwordHash = user.noPassword ? '' : action.passwordHash;
    this.#setUser({ ...user, passwordHash, passwordRevision: this.#next });
    return undefined;
  }

  #userGrantRole({ name, role }: Action<'userGrantRole'>): AuthRefusal | undefined {
    const user = this.#state.users.get(name);
    if (user === undefined) return 'user_not_found';
    if (role !== root && !this.#state.roles.has(role)) return 'role_not_found';
    if (user.roles.includes(role)) return undefined;
    this.#setUser({ ...user, roles: [...user.roles, role].sort() });
    return undefined;
  }

  #userRevokeRole({ name, role }: Action<'userRevokeRole'>): AuthRefusal | undefined {
    if (this.#state.enabled && name === root && role === root) return 'invalid_auth_management';
    const user = this.#state.users.get(name);
    if (user === undefined) return 'user_not_found';
    if (!user.roles.includes(role)) return 'role_not_granted';
    this.#setUser(without(user, role));
    return undefined;
  }

  #roleAdd({ role: name }: Action<'roleAdd'>): AuthRefusal | undefined {
    if (name === '') return 'role_name_empty';
    if (this.#state.roles.has(name)) return 'role_exists';
    this.#setRole({ name, permissions: [] });
    return undefined;
  }

  #roleDelete({ role: name }: Action<'roleDelete'>): AuthRefusal | undefined {
    if (this.#state.enabled && name === root) return 'invalid_auth_management';
    if (!this.#state.roles.has(name)) return 'role_not_found';
    const roles = new Map(this.#state.roles);
    roles.delete(name);
    const users = new Map(this.#state.users);
    for (const [key, user] of users) {
      if (user.roles.includes(name)) users.set(key, without(user, name));
    }
    this.#change({ users, roles });
    return undefined;
  }

  #roleGrantPermission(action: Action<'roleGrantPermission'>): AuthRefusal | undefined {
    const { permission } = action;
    if (permission === undefined) return 'permission_not_given';
    if (!isPermittable(permission)) return 'invalid_auth_management';
    const role = this.#state.roles.get(action.role);
    if (role === undefined) return 'role_not_found';
    const others = role.permissions.filter((each) => !isSameRange(each, permission));
    const permissions = [...others, permission].sort(comparePermissions);
    this.#setRole({ name: role.name, permissions });
    return undefined;
  }

  #roleRevokePermission(action: Action<'roleRevokePermission'>): AuthRefusal | undefined {
    const role = this.#state.roles.get(action.role);
    if (role === undefined) return 'role_not_found';
    const permissions = role.permissions.filter((each) => !isSameRange(each, action.range));
    if (permissions.length === role.permissions.length) return 'permission_not_granted';
    this.#setRole({ name: role.name, permissions });
    return undefined;
  }

  get #next(): number {
    return this.#state.revision + 1;
  }

  #setUser(user: UserRecord): void {
    this.#change({ users: new Map(this.#state.users).set(user.name, user) });
  }

  #setRole(role: RoleRecord): void {
    this.#change({ roles: new Map(this.#state.roles).set(role.name, role) });
  }

  #change(changed: Partial<AuthRecords>): void {
    const { enabled, secret, users, roles } = this.#state;
    const records = { enabled, secret, users, roles, ...changed, revision: this.#next };
    this.#state = new AuthState(records);
  }
}

function without(user: UserRecord, role: string): UserRecord {
  return { ...user, roles: user.roles.filter((name) => name !== role) };
}

function isSameRange(left: PermittedRange, right: PermittedRange): boolean {
  return left.key === right.key && left.rangeEnd === right.rangeEnd;
}

function comparePermissions(left: Permission, right: Permission): number {
  if (left.key !== right.key) return left.key < right.key ? -1 : 1;
  return left.rangeEnd < right.rangeEnd ? -1 : left.rangeEnd > right.rangeEnd ? 1 : 0;
}
