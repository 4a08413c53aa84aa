import type { Command } from 'commander';
import { withSelection } from '../key-verbs.ts';
import type { SelectionOptions } from '../selection.ts';
import type { PasswordOptions, UserAddOptions } from '../verbs/user.ts';
import { type Grammar, withExamples } from './grammar.ts';

/** Who may do what: auth, user, role. */
export function addRightsVerbs(grammar: Grammar): void {
  addRoleVerbs(grammar);
  addUserVerbs(grammar);
  addAuthVerbs(grammar);
}

function addAuthVerbs({ program, context, run }: Grammar): void {
  const auth = program
    .command('auth')
    .helpCommand(false)
    .summary('whether everybody must say who he is: enable, disable, status');
  auth.description(
    'Rights are enforced from "auth enable" on: everybody must say who he is, with --user or --token,\n' +
      'and may do what his roles permit.',
  );
  const enable = auth
    .command('enable')
    .summary('enforce rights from now on')
    .description(
      'Enforces rights from now on. There must be a user root; it gets the role root if it lacks it.',
    )
    .action(async () => run((await import('../verbs/auth.ts')).authEnable(context())));
  withExamples(
    enable,
    `
lockstep user add root --new-user-password secret
lockstep auth enable
lockstep get hello --user root:secret
# and back
lockstep auth disable --user root:secret
lockstep user delete root`,
  );
  const disable = auth
    .command('disable')
    .summary('ask nobody any more')
    .description('From now on nobody is asked who he is. Users and roles stay.')
    .action(async () => run((await import('../verbs/auth.ts')).authDisable(context())));
  withExamples(disable, 'lockstep auth disable');
  const status = auth
    .command('status')
    .summary('print whether rights are enforced')
    .description('Prints whether rights are enforced, and their revision.')
    .action(async () => run((await import('../verbs/auth.ts')).authStatus(context())));
  withExamples(status, 'lockstep auth status');
}

function addUserVerbs({ program, context, run }: Grammar): void {
  const user = program
    .command('user')
    .helpCommand(false)
    .summary('users, their passwords and roles');
  user.description('Users of the cluster. Who changes them needs the role root.');
  const add = user
    .command('add <name>')
    .summary('make a user')
    .description(
      'Makes a user. The password is asked for, or the first line of standard input.\n' +
        'It may stand behind the name: NAME:PASSWORD.',
    )
    .option('--new-user-password <password>', 'the password, for all to see who list processes')
    .option('--no-password', 'a user that comes with a certificate or a signed token only')
    .action(async (name: string, options: UserAddOptions) =>
      run((await import('../verbs/user.ts')).userAdd(context(), name, options)),
    );
  withExamples(
    add,
    'echo secret | lockstep user add ada\nlockstep user add bob --new-user-password secret',
  );
  const passwd = user
    .command('passwd <name>')
    .summary('change the password of a user')
    .description('Changes the password of a user. Whatever he was logged in with ends.')
    .option('--new-user-password <password>', 'the password, for all to see who list processes')
    .action(async (name: string, options: PasswordOptions) =>
      run((await import('../verbs/user.ts')).userPasswd(context(), name, options)),
    );
  withExamples(passwd, 'echo other | lockstep user passwd ada');
  const grant = user
    .command('grant-role <name> <role>')
    .summary('give a role to a user')
    .description('Gives a role to a user. The role root may do everything.')
    .action(async (name: string, role: string) =>
      run((await import('../verbs/user.ts')).userGrantRole(context(), name, role)),
    );
  withExamples(grant, 'lockstep user grant-role ada root');
  const get = user
    .command('get <name>')
    .summary('print the roles of a user')
    .description('Prints the roles of a user.')
    .action(async (name: string) =>
      run((await import('../verbs/user.ts')).userGet(context(), name)),
    );
  withExamples(get, 'lockstep user get ada');
  const list = user
    .command('list')
    .summary('print all users')
    .description('Prints the names of all users.')
    .action(async () => run((await import('../verbs/user.ts')).userList(context())));
  withExamples(list, 'lockstep user list');
  const revoke = user
    .command('revoke-role <name> <role>')
    .summary('take a role from a user')
    .description('Takes a role from a user.')
    .action(async (name: string, role: string) =>
      run((await import('../verbs/user.ts')).userRevokeRole(context(), name, role)),
    );
  withExamples(revoke, 'lockstep user revoke-role ada root');
  const remove = user
    .command('delete <name>')
    .summary('delete a user')
    .description('Deletes a user, and ends whatever he was logged in with.')
    .action(async (name: string) =>
      run((await import('../verbs/user.ts')).userDelete(context(), name)),
    );
  withExamples(remove, 'lockstep user delete ada');
}

function addRoleVerbs({ program, context, run }: Grammar): void {
  const role = program.command('role').helpCommand(false).summary('roles, and what they permit');
  role.description('Roles of the cluster. Who changes them needs the role root.');
  const add = role
    .command('add <role>')
    .summary('make a role')
    .description('Makes a role, which permits nothing yet.')
    .action(async (name: string) =>
      run((await import('../verbs/role.ts')).roleAdd(context(), name)),
    );
  withExamples(add, 'lockstep role add ops');
  addPermissionVerbs(role, { program, context, run });
  const list = role
    .command('list')
    .summary('print all roles')
    .description('Prints the names of all roles.')
    .action(async () => run((await import('../verbs/role.ts')).roleList(context())));
  withExamples(list, 'lockstep role list');
  const remove = role
    .command('delete <role>')
    .summary('delete a role')
    .description('Deletes a role and takes it from everybody.')
    .action(async (name: string) =>
      run((await import('../verbs/role.ts')).roleDelete(context(), name)),
    );
  withExamples(remove, 'lockstep role delete ops');
}

function addPermissionVerbs(role: Command, { context, run }: Grammar): void {
  const grant = withSelection(role.command('grant-permission <role> <kind> <key> [end]'))
    .summary('permit to read or write keys')
    .description(
      'Permits read, write or readwrite on a key, or on the keys from one up to but without another.',
    )
    .action(
      async (
        name: string,
        kind: string,
        key: string,
        rangeEnd: string | undefined,
        options: SelectionOptions,
      ) =>
        run(
          (await import('../verbs/role.ts')).roleGrantPermission(
            context(),
            [name, kind, key, rangeEnd],
            options,
          ),
        ),
    );
  withExamples(grant, 'lockstep role grant-permission ops readwrite config/ --prefix');
  const get = role
    .command('get <role>')
    .summary('print what a role permits')
    .description('Prints what a role permits to read and write.')
    .action(async (name: string) =>
      run((await import('../verbs/role.ts')).roleGet(context(), name)),
    );
  withExamples(get, 'lockstep role get ops');
  const revoke = withSelection(role.command('revoke-permission <role> <key> [end]'))
    .summary('take a permission back')
    .description('Takes back what was permitted on exactly these keys.')
    .action(
      async (name: string, key: string, rangeEnd: string | undefined, options: SelectionOptions) =>
        run(
          (await import('../verbs/role.ts')).roleRevokePermission(
            context(),
            [name, key, rangeEnd],
            options,
          ),
        ),
    );
  withExamples(revoke, 'lockstep role revoke-permission ops config/ --prefix');
}
