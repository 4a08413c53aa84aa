import type { BadUse } from './bad-use-of-reboot.ts';

/** Of each verb of members and of snapshots what is missing, too much and malformed. */
export const membersBadUse: Readonly<Record<string, readonly BadUse[]>> = {
  member: [
    ['', /^Usage: lockstep member [\s\S]*list +print the members/],
    [
      'join x',
      /unknown command 'join'\n {2}member has list, add, update, promote, replace, remove, recover/,
    ],
  ],
  'member list': [
    ['extra', 'list takes no arguments'],
    ['--consistency x', /argument 'x' is invalid\. Allowed choices are l, s\./],
  ],
  'member add': [
    ['--peer-address a:1', "missing required argument 'name'"],
    ['d', "required option '--peer-address <host:port>' not specified"],
    ["'d d' --peer-address 127.0.0.1:1", /the name is "d d"; it must be letters, digits/],
    [
      'm1 --peer-address 127.0.0.1:1',
      /there is a member m1 already \(1\): choose another name, .*member replace m1/,
    ],
    ['d --peer-address a:1 -w table', '"member add" prints no table: use --output simple or json'],
  ],
  'member update': [
    ['--peer-address a:1', "missing required argument 'member'"],
    ['m1', "required option '--peer-address <host:port>' not specified"],
    ['m9 --peer-address 127.0.0.1:9', 'there is no member "m9"; the members are m1 (1)'],
    ['m1 --peer-address a:1 -w table', /"member update" prints no table/],
  ],
  'member promote': [
    ['', "missing required argument 'member'"],
    ['m9', 'there is no member "m9"; the members are m1 (1)'],
    ['m1 -w table', /"member promote" prints no table/],
  ],
  'member replace': [
    ['', "missing required argument 'member'"],
    ['m9', 'there is no member "m9"; the members are m1 (1)'],
    ["m1 --name 'a b'", /the name is "a b"; it must be letters/],
    ['m1 -w table', /"member replace" prints no table/],
  ],
  'member remove': [
    ['', "missing required argument 'member'"],
    ['a b', 'remove takes at most 1, not 2'],
    ['m9', 'there is no member "m9"; the members are m1 (1)'],
    ['m1 -w table', /"member remove" prints no table/],
  ],
  'member recover': [
    ['', "required option '--data-dir <directory>' not specified"],
    ['--data-dir a b', 'recover takes no arguments'],
    ['--data-dir /no/such/directory', /there is no directory .*name a member's with --data-dir/],
  ],
  snapshot: [
    ['', /^Usage: lockstep snapshot [\s\S]*save/],
    ['x', /unknown command 'x'\n {2}snapshot has save, status, restore/],
  ],
  'snapshot save': [
    ['', "missing required argument 'file'"],
    ['a b', 'save takes at most 1, not 2'],
  ],
  'snapshot status': [
    ['', "missing required argument 'file'"],
    ['a b', 'status takes at most 1, not 2'],
    ['/no/such/file', /\/no\/such\/file cannot be read/],
  ],
  'snapshot restore': [
    ['', "missing required argument 'file'"],
    [
      '/no/such/file --data-dir d --bump-revision x',
      '--bump-revision is "x"; it must be a whole number, 0 or more',
    ],
  ],
};
