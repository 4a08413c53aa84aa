/** Changes of rights as bytes in the log, and the whole of the rights in a snapshot. */
import { unreachable } from '../base/assert.ts';
import { DecodeError, type Reader, type Writer } from '../base/codec.ts';
import type { AuthRecords } from './auth-state.ts';
import type { AuthAction, Permission, RoleRecord, UserRecord } from './types.ts';

/** Positions are part of the format: only ever add to the end. */
const actions = [
  'authEnable',
  'authDisable',
  'userAdd',
  'userDelete',
  'userChangePassword',
  'userGrantRole',
  'userRevokeRole',
  'roleAdd',
  'roleDelete',
  'roleGrantPermission',
  'roleRevokePermission',
] as const satisfies readonly AuthAction['action'][];
const kinds = ['read', 'write', 'readwrite'] as const satisfies readonly Permission['kind'][];

export function writeAuthAction(writer: Writer, action: AuthAction): void {
  writer.u8(actions.indexOf(action.action));
  switch (action.action) {
    case 'authEnable':
      writer.text(action.secret);
      return;
    case 'authDisable':
      return;
    case 'userAdd':
      writer.text(action.name).text(action.passwordHash).flag(action.noPassword);
      return;
    case 'userDelete':
      writer.text(action.name);
      return;
    case 'userChangePassword':
      writer.text(action.name).text(action.passwordHash);
      return;
    case 'userGrantRole':
    case 'userRevokeRole':
      writer.text(action.name).text(action.role);
      return;
    case 'roleAdd':
    case 'roleDelete':
      writer.text(action.role);
      return;
    case 'roleGrantPermission':
      writer.text(action.role).flag(action.permission !== undefined);
      if (action.permission !== undefined) writePermission(writer, action.permission);
      return;
    case 'roleRevokePermission':
      writer.text(action.role).string(action.range.key).string(action.range.rangeEnd);
      return;
    default:
      return unreachable(action);
  }
}

/** @throws DecodeError */
export function readAuthAction(reader: Reader): AuthAction {
  const action = actions[reader.u8()];
  switch (action) {
    case 'authEnable':
      return { action, secret: reader.text() };
    case 'authDisable':
      return { action };
    case 'userAdd':
      return {
        action,
        name: reader.text(),
        passwordHash: reader.text(),
        noPassword: reader.flag(),
      };
    case 'userDelete':
      return { action, name: reader.text() };
    case 'userChangePassword':
      return { action, name: reader.text(), passwordHash: reader.text() };
    case 'userGrantRole':
    case 'userRevokeRole':
      return { action, name: reader.text(), role: reader.text() };
    case 'roleAdd':
    case 'roleDelete':
      return { action, role: reader.text() };
    case 'roleGrantPermission': {
      const role = reader.text();
      return { action, role, permission: reader.flag() ? readPermission(reader) : undefined };
    }
    case 'roleRevokePermission':
      return {
        action,
        role: reader.text(),
        range: { key: reader.string(), rangeEnd: reader.string() },
      };
    default:
      throw new DecodeError('a change of rights of unknown type');
  }
}

function writePermission(writer: Writer, { kind, key, rangeEnd }: Permission): void {
  writer.u8(kinds.indexOf(kind)).string(key).string(rangeEnd);
}

function readPermission(reader: Reader): Permission {
  const kind = kinds[reader.u8()];
  if (kind === undefined) throw new DecodeError('a permission of unknown kind');
  return { kind, key: reader.string(), rangeEnd: reader.string() };
}

/** In the order of the names, so that members agree in every byte. */
export function writeAuth(writer: Writer, auth: AuthRecords): void {
  writer.flag(auth.enabled).number(auth.revision).text(auth.secret);
  writer.number(auth.users.size);
  for (const user of byName(auth.users)) writeUser(writer, user);
  writer.number(auth.roles.size);
  for (const role of byName(auth.roles)) writeRole(writer, role);
}

/** @throws DecodeError */
export function readAuth(reader: Reader): AuthRecords {
  const enabled = reader.flag();
  const revision = reader.number();
  const secret = reader.text();
  const users = new Map<string, UserRecord>();
  for (let left = reader.count(); left > 0; left--) {
    const user = readUser(reader);
    users.set(user.name, user);
  }
  const roles = new Map<string, RoleRecord>();
  for (let left = reader.count(); left > 0; left--) {
    const role = readRole(reader);
    roles.set(role.name, role);
  }
  return { enabled, revision, secret, users, roles };
}

function byName<Kept extends { readonly name: string }>(map: ReadonlyMap<string, Kept>): Kept[] {
  return [...map.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
}

function writeUser(writer: Writer, user: UserRecord): void {
  writer.text(user.name).text(user.passwordHash).flag(user.noPassword);
  writer.number(user.passwordRevision).number(user.roles.length);
  for (const role of user.roles) writer.text(role);
}

function readUser(reader: Reader): UserRecord {
  const user = {
    name: reader.text(),
    passwordHash: reader.text(),
    noPassword: reader.flag(),
    passwordRevision: reader.number(),
  };
  const roles: string[] = [];
  for (let left = reader.count(); left > 0; left--) roles.push(reader.text());
  return { ...user, roles };
}

function writeRole(writer: Writer, { name, permissions }: RoleRecord): void {
  writer.text(name).number(permissions.length);
  for (const permission of permissions) writePermission(writer, permission);
}

function readRole(reader: Reader): RoleRecord {
  const name = reader.text();
  const permissions: Permission[] = [];
  for (let left = reader.count(); left > 0; left--) permissions.push(readPermission(reader));
  return { name, permissions };
}
