import type { BadUse } from './bad-use-of-reboot.ts';

/** Of each verb about rights what is missing, too much, malformed and contradictory. */
export const rightsBadUse: Readonly<Record<string, readonly BadUse[]>> = {
  auth: [
    ['', /^Usage: lockstep auth [\s\S]*enable +enforce rights/],
    ['on', /unknown command 'on'\n {2}auth has enable, disable, status/],
  ],
  'auth enable': [['extra', 'enable takes no arguments']],
  'auth disable': [['extra', 'disable takes no arguments']],
  'auth status': [
    ['extra', 'status takes no arguments'],
    ['--user :x', '--user names nobody; write for example --user root'],
    ['--user a:b --token t', '--token and --user exclude each other: give one of them'],
  ],
  user: [
    ['', /^Usage: lockstep user [\s\S]*add .*<name> +make a user/],
    ['ada', /unknown command 'ada'\n[\s\S]*user has add, passwd, grant-role/],
  ],
  'user add': [
    ['', "missing required argument 'name'"],
    ['ada', /there is no password for ada: give --new-user-password, or a line on standard input/],
    ['ada:a --no-password', /--no-password and a password exclude each other/],
    ['ada --user bob', /there is no password for ada/],
    [
      'ada:a --user bob',
      'there is no password for bob: set LOCKSTEP_PASSWORD, or give --user bob:PASSWORD',
    ],
  ],
  'user passwd': [
    ['', "missing required argument 'name'"],
    ['ada', /there is no password for ada/],
  ],
  'user grant-role': [['ada', "missing required argument 'role'"]],
  'user revoke-role': [['ada', "missing required argument 'role'"]],
  'user get': [['', "missing required argument 'name'"]],
  'user list': [['extra', 'list takes no arguments']],
  'user delete': [['', "missing required argument 'name'"]],
  role: [
    ['', /^Usage: lockstep role [\s\S]*add <role> +make a role/],
    ['ops', /unknown command 'ops'\n[\s\S]*role has add, grant-permission, get/],
  ],
  'role add': [['', "missing required argument 'role'"]],
  'role grant-permission': [
    ['ops read', "missing required argument 'key'"],
    ['ops execute a', '"execute" is no permission; it must be read, write, readwrite'],
    ['ops read a b --prefix', 'a range end and --prefix exclude each other: give one of them'],
  ],
  'role revoke-permission': [
    ['ops', "missing required argument 'key'"],
    ['ops a b --from-key', 'a range end and --from-key exclude each other: give one of them'],
  ],
  'role get': [['', "missing required argument 'role'"]],
  'role list': [['extra', 'list takes no arguments']],
  'role delete': [['', "missing required argument 'role'"]],
};
