import { noRights, Rights } from './rights.ts';
import { type RoleRecord, root, type UserRecord } from './types.ts';

/** Everything that is replicated about rights. */
export interface AuthRecords {
  readonly enabled: boolean;
  readonly revision: number;
  readonly secret: string;
  readonly users: ReadonlyMap<string, UserRecord>;
  readonly roles: ReadonlyMap<string, RoleRecord>;
}

/** Who may do what, at one moment. It never changes: whoever sees another object knows that rights changed. */
export class AuthState implements AuthRecords {
  readonly enabled: boolean;
  readonly revision: number;
  readonly secret: string;
  readonly users: ReadonlyMap<string, UserRecord>;
  readonly roles: ReadonlyMap<string, RoleRecord>;
  /** Made when first asked for; what is derived is no part of the state. */
  readonly #rights = new Map<string, Rights>();

  constructor({ enabled, revision, secret, users, roles }: AuthRecords) {
    this.enabled = enabled;
    this.revision = revision;
    this.secret = secret;
    this.users = users;
    this.roles = roles;
  }

  user(name: string): UserRecord | undefined {
    return this.users.get(name);
  }

  role(name: string): RoleRecord | undefined {
    return this.roles.get(name);
  }

  userNames(): readonly string[] {
    return [...this.users.keys()].sort();
  }

  roleNames(): readonly string[] {
    return [...this.roles.keys()].sort();
  }

  /** None for a user that there is not. */
  rights(name: string): Rights {
    const known = this.#rights.get(name);
    if (known !== undefined) return known;
    const user = this.users.get(name);
    if (user === undefined) return noRights;
    const permissions = user.roles.flatMap((role) => this.roles.get(role)?.permissions ?? []);
    const rights = new Rights(permissions, user.roles.includes(root));
    this.#rights.set(name, rights);
    return rights;
  }
}

export const initialAuth = new AuthState({
  enabled: false,
  revision: 1,
  secret: '',
  users: new Map(),
  roles: new Map(),
});
