import { Auth, LockstepError } from '@lockstep/client';
import { type Context, print } from '../io.ts';
import { json } from '../output.ts';
import { withClient } from '../session.ts';

/** `auth status`: whether rights are enforced. */
export async function authStatus(context: Context): Promise<number> {
  const { io, output } = context;
  return withAuth(context, async (auth) => {
    const { enabled, authRevision } = await auth.status();
    if (output === 'json') await print(io, json({ enabled, authRevision }));
    else await print(io, `Authentication Status: ${enabled}\nAuthRevision: ${authRevision}\n`);
  });
}

/** `auth enable`: as etcdctl does, it gives the user root its role if that is all that is missing. */
export async function authEnable(context: Context): Promise<number> {
  return withAuth(context, async (auth) => {
    try {
      await auth.enable();
    } catch (error) {
      if (!(error instanceof LockstepError) || error.code !== 'root_role_missing') throw error;
      await auth.addRole('root').catch((reason: unknown) => {
        if (!(reason instanceof LockstepError) || reason.code !== 'role_exists') throw reason;
      });
      await auth.grantRole('root', 'root');
      await auth.enable();
    }
    await print(context.io, 'Authentication Enabled\n');
  });
}

/** `auth disable`: from now on nobody is asked who he is. */
export async function authDisable(context: Context): Promise<number> {
  return withAuth(context, async (auth) => {
    await auth.disable();
    await print(context.io, 'Authentication Disabled\n');
  });
}

/** Runs `use` on the users and roles of the cluster. */
export async function withAuth(
  context: Context,
  use: (auth: Auth) => Promise<void>,
): Promise<number> {
  return withClient(context, async (client) => {
    await use(new Auth(client));
    return 0;
  });
}
