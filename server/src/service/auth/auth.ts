import {
  type AuthChangeResult,
  type AuthStatusResult,
  emptyBytes,
  fromKeyEnd,
  type GrantPermissionParams,
  type LoginParams,
  type LoginResult,
  limits,
  type PasswordParams,
  type RevokePermissionParams,
  type RoleGetResult,
  type RoleListResult,
  type RoleParams,
  TableError,
  type UserAddParams,
  type UserGetResult,
  type UserListResult,
  type UserParams,
  type UserRoleParams,
  type WirePermission,
  wireFromBytes,
} from '@lockstep/client/protocol';
import type { AuthChange, AuthPermission, AuthView, Store } from '../../store.ts';
import { administer, type CallContext, type Caller } from '../caller.ts';
import type { Gate } from '../gate.ts';
import type { Headers } from '../headers.ts';
import { requestRange } from '../keys.ts';
import type { Callers } from './callers.ts';

export interface AuthServiceOptions {
  readonly store: Store;
  readonly headers: Headers;
  readonly gate: Gate;
  readonly callers: Callers;
  readonly wallMs: () => number;
}

/** Users, roles and permissions, and logging in (etcd API, Auth). Whoever changes them needs the role root. */
export class AuthService {
  readonly #store: Store;
  readonly #headers: Headers;
  readonly #gate: Gate;
  readonly #callers: Callers;
  readonly #wallMs: () => number;

  constructor({ store, headers, gate, callers, wallMs }: AuthServiceOptions) {
    this.#store = store;
    this.#headers = headers;
    this.#gate = gate;
    this.#callers = callers;
    this.#wallMs = wallMs;
  }

  async status(): Promise<AuthStatusResult> {
    const { auth, stamp } = await this.#store.readAuth();
    const { enabled, revision } = auth;
    return { header: this.#headers.at(stamp), enabled, authRevision: revision };
  }

  async enable(context: CallContext): Promise<AuthChangeResult> {
    return this.#change(context, { action: 'authEnable', secret: this.#callers.drawSecret() });
  }

  async disable(context: CallContext): Promise<AuthChangeResult> {
    return this.#change(context, { action: 'authDisable' });
  }

  /** @throws TableError `auth_not_enabled`, `auth_failed`, `invalid_auth_token`, `invalid_params`, `too_many_requests`. */
  async login({ name, password, token }: LoginParams): Promise<LoginResult> {
    const view = this.#store.auth();
    if (!view.enabled) throw new TableError('auth_not_enabled');
    if (token !== undefined) {
      if (name !== undefined || password !== undefined) throw loginParams();
      const { user, expiresAtMs } = this.#callers.claimsOf(token, view);
      const expiresInMs = Math.max(0, expiresAtMs - this.#wallMs());
      return { header: this.#headers.now(), name: user, token, expiresInMs };
    }
    if (name === undefined || password === undefined) throw loginParams();
    const revision = await this.#callers.checkPassword(view, name, password);
    return { header: this.#headers.now(), name, ...this.#callers.issue(name, revision) };
  }

  async userAdd(params: UserAddParams, context: CallContext): Promise<AuthChangeResult> {
    const { name, password, noPassword = false } = params;
    administer(context.caller);
    checkName(name, 'user_name_empty');
    if (!noPassword && password === undefined) {
      throw new TableError(
        'invalid_params',
        'params.password is missing: a user needs one unless it has noPassword',
      );
    }
    const passwordHash = noPassword ? '' : await this.#callers.hash(password ?? '');
    return this.#change(context, { action: 'userAdd', name, passwordHash, noPassword });
  }

  async userDelete({ name }: UserParams, context: CallContext): Promise<AuthChangeResult> {
    return this.#change(context, { action: 'userDelete', name });
  }

  async userChangePassword(
    { name, password }: PasswordParams,
    context: CallContext,
  ): Promise<AuthChangeResult> {
    administer(context.caller);
    const passwordHash = await this.#callers.hash(password);
    return this.#change(context, { action: 'userChangePassword', name, passwordHash });
  }

  async userGrantRole(params: UserRoleParams, context: CallContext): Promise<AuthChangeResult> {
    const { name, role } = params;
    return this.#change(context, { action: 'userGrantRole', name, role });
  }

  async userRevokeRole(params: UserRoleParams, context: CallContext): Promise<AuthChangeResult> {
    const { name, role } = params;
    return this.#change(context, { action: 'userRevokeRole', name, role });
  }

  /** Everybody may see what he is himself. @throws TableError `user_not_found`. */
  async userGet({ name }: UserParams, { caller }: CallContext): Promise<UserGetResult> {
    const { auth, stamp } = await this.#read(caller, (now) => {
      if (now.asker?.user !== name) administer(now);
    });
    const user = auth.user(name);
    if (user === undefined) throw new TableError('user_not_found');
    return { header: this.#headers.at(stamp), roles: user.roles };
  }

  async userList({ caller }: CallContext): Promise<UserListResult> {
    const { auth, stamp } = await this.#read(caller, administer);
    return { header: this.#headers.at(stamp), users: auth.userNames() };
  }

  async roleAdd({ role }: RoleParams, context: CallContext): Promise<AuthChangeResult> {
    administer(context.caller);
    checkName(role, 'role_name_empty');
    return this.#change(context, { action: 'roleAdd', role });
  }

  async roleDelete({ role }: RoleParams, context: CallContext): Promise<AuthChangeResult> {
    return this.#change(context, { action: 'roleDelete', role });
  }

  async roleGrantPermission(
    params: GrantPermissionParams,
    context: CallContext,
  ): Promise<AuthChangeResult> {
    administer(context.caller);
    const { role, permission: kind } = params;
    const { key, rangeEnd } = requestRange(params);
    const permission = { kind, key, rangeEnd };
    return this.#change(context, { action: 'roleGrantPermission', role, permission });
  }

  async roleRevokePermission(
    params: RevokePermissionParams,
    context: CallContext,
  ): Promise<AuthChangeResult> {
    administer(context.caller);
    const range = requestRange(params);
    return this.#change(context, { action: 'roleRevokePermission', role: params.role, range });
  }

  /** Everybody may see the roles that he has. @throws TableError `role_not_found`. */
  async roleGet({ role }: RoleParams, { caller }: CallContext): Promise<RoleGetResult> {
    const { auth, stamp } = await this.#read(caller, (now) => {
      const own = now.asker && this.#store.auth().user(now.asker.user)?.roles;
      if (!own?.includes(role)) administer(now);
    });
    const permissions = permissionsOf(auth, role);
    if (permissions === undefined) throw new TableError('role_not_found');
    return { header: this.#headers.at(stamp), permissions: permissions.map(wirePermission) };
  }

  async roleList({ caller }: CallContext): Promise<RoleListResult> {
    const { auth, stamp } = await this.#read(caller, administer);
    return { header: this.#headers.at(stamp), roles: auth.roleNames() };
  }

  #change({ caller }: CallContext, change: AuthChange): Promise<AuthChangeResult> {
    return this.#gate.change(
      caller,
      administer,
      (asker) => this.#store.changeAuth(change, asker),
      ({ stamp }) => ({ header: this.#headers.at(stamp) }),
    );
  }

  async #read(caller: Caller, decide: (caller: Caller) => void) {
    const recheck = this.#gate.read(caller, decide);
    const read = await this.#store.readAuth();
    recheck();
    return read;
  }
}

/** The role root shows the one permission that stands for all (etcd API, RoleGet). */
function permissionsOf(auth: AuthView, role: string): readonly AuthPermission[] | undefined {
  const permissions = auth.role(role)?.permissions;
  return role === 'root' && permissions !== undefined ? [everything] : permissions;
}

const everything: AuthPermission = { kind: 'readwrite', key: emptyBytes, rangeEnd: fromKeyEnd };

function wirePermission({ kind, key, rangeEnd }: AuthPermission): WirePermission {
  const permission = { permission: kind, key: wireFromBytes(key) };
  return rangeEnd === '' ? permission : { ...permission, rangeEnd: wireFromBytes(rangeEnd) };
}

function checkName(name: string, empty: 'user_name_empty' | 'role_name_empty'): void {
  if (name === '') throw new TableError(empty);
  if (name.length <= limits.authNameLengthMax) return;
  throw new TableError(
    'invalid_params',
    `a name may have ${limits.authNameLengthMax} characters; this one has ${name.length}`,
  );
}

function loginParams(): TableError {
  return new TableError('invalid_params', 'auth.login takes name and password, or token alone');
}
