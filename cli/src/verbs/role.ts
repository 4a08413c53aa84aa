import type { Permission, PermissionKind } from '@lockstep/client';
import { UsageError } from '../failure.ts';
import { type Context, print } from '../io.ts';
import { json, lines } from '../output.ts';
import { type SelectionOptions, selection } from '../selection.ts';
import { withAuth } from './auth.ts';

const kinds: readonly PermissionKind[] = ['read', 'write', 'readwrite'];

/** `role add ROLE` */
export async function roleAdd(context: Context, role: string): Promise<number> {
  return withAuth(context, async (auth) => {
    await auth.addRole(role);
    await print(context.io, `Role ${role} created\n`);
  });
}

/** `role delete ROLE` */
export async function roleDelete(context: Context, role: string): Promise<number> {
  return withAuth(context, async (auth) => {
    await auth.deleteRole(role);
    await print(context.io, `Role ${role} deleted\n`);
  });
}

/** `role list` */
export async function roleList(context: Context): Promise<number> {
  const { io, output } = context;
  return withAuth(context, async (auth) => {
    const roles = await auth.roles();
    await print(io, output === 'json' ? json({ roles }) : lines(roles));
  });
}

/** `role get ROLE`: what the role may read and write. */
export async function roleGet(context: Context, role: string): Promise<number> {
  const { io, output } = context;
  return withAuth(context, async (auth) => {
    const permissions = await auth.permissionsOf(role);
    if (output === 'json') await print(io, json({ role, permissions }));
    else await print(io, lines([`Role ${role}`, ...rowsOf(permissions)]));
  });
}

function rowsOf(permissions: readonly Permission[]): string[] {
  const rows = (action: PermissionKind): string[] =>
    permissions
      .filter(({ permission }) => permission === action || permission === 'readwrite')
      .map((permission) => `\t${rangeText(permission)}`);
  return ['KV Read:', ...rows('read'), 'KV Write:', ...rows('write')];
}

function rangeText({ key, rangeEnd }: Pick<Permission, 'key' | 'rangeEnd'>): string {
  const text = (wire: Permission['key']): string =>
    typeof wire === 'string' ? wire : `base64:${wire.base64}`;
  if (rangeEnd === undefined) return text(key);
  if (rangeEnd === '\0') {
    return key === '' || key === '\0' ? '[, <open ended>' : `[${text(key)}, <open ended>`;
  }
  return `[${text(key)}, ${text(rangeEnd)})`;
}

/** `role grant-permission ROLE KIND KEY [RANGE_END]` */
export async function roleGrantPermission(
  context: Context,
  [role, kind, key, rangeEnd]: readonly [string, string, string, string | undefined],
  options: SelectionOptions,
): Promise<number> {
  const permission = kinds.find((known) => known === kind);
  if (permission === undefined) {
    throw new UsageError(`"${kind}" is no permission; it must be ${kinds.join(', ')}`);
  }
  const selected = selection(key, rangeEnd, options);
  return withAuth(context, async (auth) => {
    await auth.grantPermission(role, permission, selected);
    await print(context.io, `Role ${role} updated\n`);
  });
}

/** `role revoke-permission ROLE KEY [RANGE_END]` */
export async function roleRevokePermission(
  context: Context,
  [role, key, rangeEnd]: readonly [string, string, string | undefined],
  options: SelectionOptions,
): Promise<number> {
  const selected = selection(key, rangeEnd, options);
  return withAuth(context, async (auth) => {
    await auth.revokePermission(role, selected);
    await print(context.io, `Role ${role} updated\n`);
  });
}
