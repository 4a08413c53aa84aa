import { UsageError } from '../failure.ts';
import { type Context, print } from '../io.ts';
import { json, lines } from '../output.ts';
import { newPassword } from '../password.ts';
import { withAuth } from './auth.ts';

export interface PasswordOptions {
  readonly newUserPassword?: string;
}

export interface UserAddOptions extends PasswordOptions {
  readonly password?: boolean;
}

/** `user add NAME[:PASSWORD]`: the password comes with the name, the option, or is asked for. */
export async function userAdd(
  context: Context,
  given: string,
  { newUserPassword, password: hasPassword = true }: UserAddOptions,
): Promise<number> {
  const colon = given.indexOf(':');
  const name = colon < 0 ? given : given.slice(0, colon);
  const inName = colon < 0 ? undefined : given.slice(colon + 1);
  const known = newUserPassword ?? inName;
  if (!hasPassword && known !== undefined) {
    throw new UsageError('--no-password and a password exclude each other: give one of them');
  }
  const password = hasPassword ? (known ?? (await newPassword(context.io, name))) : undefined;
  return withAuth(context, async (auth) => {
    await auth.addUser(name, password);
    await print(context.io, `User ${name} created\n`);
  });
}

/** `user delete NAME` */
export async function userDelete(context: Context, name: string): Promise<number> {
  return withAuth(context, async (auth) => {
    await auth.deleteUser(name);
    await print(context.io, `User ${name} deleted\n`);
  });
}

/** `user passwd NAME`: what the user was logged in with ends. */
export async function userPasswd(
  context: Context,
  name: string,
  { newUserPassword }: PasswordOptions,
): Promise<number> {
  const password = newUserPassword ?? (await newPassword(context.io, name));
  return withAuth(context, async (auth) => {
    await auth.changePassword(name, password);
    await print(context.io, 'Password updated\n');
  });
}

/** `user get NAME`: the roles of a user. */
export async function userGet(context: Context, name: string): Promise<number> {
  const { io, output } = context;
  return withAuth(context, async (auth) => {
    const roles = await auth.rolesOf(name);
    if (output === 'json') await print(io, json({ name, roles }));
    else await print(io, `User: ${name}\nRoles:${roles.map((role) => ` ${role}`).join('')}\n`);
  });
}

/** `user list` */
export async function userList(context: Context): Promise<number> {
  const { io, output } = context;
  return withAuth(context, async (auth) => {
    const users = await auth.users();
    await print(io, output === 'json' ? json({ users }) : lines(users));
  });
}

/** `user grant-role NAME ROLE` */
export async function userGrantRole(context: Context, name: string, role: string): Promise<number> {
  return withAuth(context, async (auth) => {
    await auth.grantRole(name, role);
    await print(context.io, `Role ${role} is granted to user ${name}\n`);
  });
}

/** `user revoke-role NAME ROLE` */
export async function userRevokeRole(
  context: Context,
  name: string,
  role: string,
): Promise<number> {
  return withAuth(context, async (auth) => {
    await auth.revokeRole(name, role);
    await print(context.io, `Role ${role} is revoked from user ${name}\n`);
  });
}
