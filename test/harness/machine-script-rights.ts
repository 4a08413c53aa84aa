import type { AuthAction, PermissionKind } from '../../server/src/core/auth/types.ts';
import type { ByteString } from '../../server/src/core/mvcc/values.ts';
import type { Command } from './golden.ts';

/** `user-add ada`, `grant ops read a end=c` ...: one change of rights, as a machine script says it. */
export function rightsOf(command: Command): AuthAction {
  const what = command.word('a change');
  const range = (key: string) => ({
    key: key as ByteString,
    rangeEnd: (command.option('end') ?? '') as ByteString,
  });
  switch (what) {
    case 'enable':
      return { action: 'authEnable', secret: 'secret' };
    case 'disable':
      return { action: 'authDisable' };
    case 'user-add': {
      const name = command.word('a user');
      return { action: 'userAdd', name, passwordHash: 'hash', noPassword: false };
    }
    case 'user-delete':
      return { action: 'userDelete', name: command.word('a user') };
    case 'user-role':
    case 'user-no-role': {
      const action = what === 'user-role' ? 'userGrantRole' : 'userRevokeRole';
      return { action, name: command.word('a user'), role: command.word('a role') };
    }
    case 'role-add':
      return { action: 'roleAdd', role: command.word('a role') };
    case 'role-delete':
      return { action: 'roleDelete', role: command.word('a role') };
    case 'grant': {
      const role = command.word('a role');
      // A script that names another kind is wrong, and shows it.
      const kind = command.word('a kind') as PermissionKind;
      const permission = { kind, ...range(command.word('a key')) };
      return { action: 'roleGrantPermission', role, permission };
    }
    case 'revoke': {
      const role = command.word('a role');
      return { action: 'roleRevokePermission', role, range: range(command.word('a key')) };
    }
    default:
      return command.fail(`"${what}" is no change of rights`);
  }
}
