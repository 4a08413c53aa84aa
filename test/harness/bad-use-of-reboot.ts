/** A command line after its verb, and the first line of what it says, or more of it. */
export type BadUse = readonly [line: string, says: string | RegExp];

/** Of each verb of `lockstep reboot` what is missing, too much, malformed and contradictory. */
export const rebootBadUse: Readonly<Record<string, readonly BadUse[]>> = {
  reboot: [
    ['', /^Usage: lockstep reboot [\s\S]*decommission <host> +forget a host/],
    ['web-1', /unknown command 'web-1'\n {2}reboot has groups, fleet, status/],
  ],
  'reboot status': [
    ['a b', 'status takes at most 1, not 2'],
    ['a --group web', 'a host and --group exclude each other: give one of them'],
    ['--watch -w table', '--watch prints no table: use --output simple or json'],
    ['nobody', /there is no host "nobody"; lockstep reboot status lists them/],
    ["''", /the id of a host must have 1 to 256 characters, not ""/],
    ['--group web', 'there is no group "web"; there is none yet'],
  ],
  'reboot history': [
    ['extra', 'history takes no arguments'],
    ['--limit 0', '--limit is "0"; it must be a whole number, 1 or more'],
    ['--follow -w table', '--follow prints no table: use --output simple or json'],
  ],
  'reboot groups': [
    ['', /^Usage: lockstep reboot groups [\s\S]*set .*<name> +declare a group/],
    ['web', /unknown command 'web'\n {2}groups has set, get/],
  ],
  'reboot groups set': [
    ['', "missing required argument 'name'"],
    ["'' --limit 1", 'the group "" must be 1 to 64 letters, digits, "." and "-"'],
    ['a/b --limit 1', 'the group "a/b" must be 1 to 64 letters, digits, "." and "-"'],
    ['web', 'the group web needs a limit: how many of its hosts may be down at once'],
    [
      'web --limit 0',
      '--limit: a limit cannot be "0": it is at least 1; to stop a group, pause it',
    ],
    ['web --limit -1', '--limit: a limit cannot be "-1": it is at least 1'],
    ['web --limit 150%', '--limit: a limit cannot be "150%": a share of the hosts is at most 100%'],
    ['web --limit x', /--limit: a limit cannot be "x": write a whole number of hosts, as 2, or/],
    ["web --limit 1 --window 'Fri 25:00-26:00'", /window "Fri 25:00-26:00"/],
    ["web --limit 1 --blackout 'Foo 01:00-02:00'", /blackout "Foo 01:00-02:00"/],
    ['web --limit 1 --time-zone Mars/Base', /Mars\/Base/],
    [
      "web --window 'daily 01:00-02:00' --no-windows",
      '--window and --no-windows exclude each other: give one of them',
    ],
    [
      "web --blackout 'daily 01:00-02:00' --no-blackouts",
      '--blackout and --no-blackouts exclude each other: give one of them',
    ],
    [
      'web --check tcp:1:1 --no-checks',
      '--check and --no-checks exclude each other: give one of them',
    ],
    ['web --limit 1 --check ping', /--check: "ping" is no check; there are unit:<name>/],
    ['web --limit 1 --check tcp:host', /--check: .*tcp:host/],
    ['web --limit 1 --gap x', '--gap is "x"; write for example 5s, 500ms or 1m'],
    ['web --limit 1 --soak -1', '--soak is "-1"; write for example 5s, 500ms or 1m'],
    ['web --limit 1 --boots-max 0', '--boots-max is "0"; it must be a whole number, 1 or more'],
    ['web --limit 1 --break-after x', '--break-after is "x"; it must be a whole number, 0 or more'],
    ['web --limit 1 --priority high', '--priority is "high"; it must be a whole number'],
    ['web --token-file /nowhere', /cannot read --token-file \/nowhere: .*no such file/],
    ['web --token-file /dev/null', '--token-file /dev/null is empty'],
    [
      'web --token-file /dev/null --no-token',
      '--token-file and --no-token exclude each other: give one of them',
    ],
    ['web --limit 1 -w table', '"reboot groups set" prints no table: use --output simple or json'],
  ],
  'reboot groups get': [
    ['a b', 'get takes at most 1, not 2'],
    ['web', 'there is no group "web"; there is none yet'],
  ],
  'reboot fleet': [['limit', /unknown command 'limit'\n {2}fleet has set, get/]],
  'reboot fleet set': [
    ['extra', 'set takes no arguments'],
    ['--limit 0%', /--limit: a limit cannot be "0%"/],
    ['--zone-limit 101%', /--zone-limit: a limit cannot be "101%"/],
    ['--gap never', '--gap is "never"; write for example 5s, 500ms or 1m'],
    ['-w table', '"reboot fleet set" prints no table: use --output simple or json'],
  ],
  'reboot fleet get': [['extra', 'get takes no arguments']],
  'reboot pause': [
    ['', '"reboot pause" names nobody: give one of --host, --group and --all'],
    ['web', 'pause takes no arguments'],
    [
      '--all --group web',
      '"reboot pause" names more than one: give one of --host, --group and --all',
    ],
    ['--group web', /there is no group "web"; there is none yet/],
    ['--host nobody', /there is no host "nobody"/],
    ['--all -w table', '"reboot pause" prints no table: use --output simple or json'],
  ],
  'reboot resume': [
    ['', '"reboot resume" names nobody: give one of --host, --group and --all'],
    [
      '--host a --all',
      '"reboot resume" names more than one: give one of --host, --group and --all',
    ],
  ],
  'reboot now': [
    ['', "missing required argument 'host'"],
    ['nobody', /there is no host "nobody"/],
    ['a b', 'now takes at most 1, not 2'],
  ],
  'reboot release': [
    ['', "missing required argument 'host'"],
    ['a', 'a slot is released with a --reason, which is kept in the history'],
    ["a --reason ' '", 'a slot is released with a --reason, which is kept in the history'],
    ['nobody --reason x', /there is no host "nobody"/],
  ],
  'reboot decommission': [
    ['', "missing required argument 'host'"],
    ['nobody', /there is no host "nobody"/],
  ],
  'reboot import': [
    ['', "missing required argument 'from'"],
    ['kured x', "'kured' is no from. Allowed choices are locksmith, airlock."],
    ['locksmith /nowhere', /cannot read \/nowhere: .*no such file/],
    ['locksmith /dev/null', /^lockstep: the file is not JSON: /],
    [
      'locksmith /dev/null --group-map web',
      /--group-map is "web"; write THERE=HERE, as in old\.web=web/,
    ],
    [
      'locksmith /dev/null -w table',
      '"reboot import" prints no table: use --output simple or json',
    ],
  ],
  'reboot agent': [
    ['', /required option '--group <name>' not specified/],
    ["--group ''", 'the group "" must be 1 to 64 letters, digits, "." and "-"'],
    ["--group web --id ' '", 'the id of a host must have 1 to 256 characters, not " "'],
    ['--group web --id a --source rumour', /--source: "rumour" is no source; there are debian/],
    ['--group web --id a --source file:run', /--source: a source "file:" is followed by a path/],
    ['--group web --id a --check ping', /--check: "ping" is no check; there are unit:<name>/],
    [
      "--group web --id a --drain ''",
      '--drain is empty: leave it out, or give a line of the shell',
    ],
    [
      "--group web --id a --reboot-command ' '",
      '--reboot-command is empty: leave it out, or give a line of the shell',
    ],
    ["--group web --id a --zone ''", '--zone is empty: leave it out, or name something'],
    [
      '--group web --id a --hook-timeout 0',
      '--hook-timeout is "0"; write for example 5s, 500ms or 1m',
    ],
    [
      '--group web --id a --hook-timeout 600h',
      '--hook-timeout is "600h"; it may be 576h, which is 24 days',
    ],
    ['--group web --id a --poll x', '--poll is "x"; write for example 5s, 500ms or 1m'],
    [
      '--group web --id a --ttl 1s',
      '--ttl is "1s"; it must be a whole number of seconds, 5 or more',
    ],
    [
      '--group web --id a --state-dir /dev/null/x',
      /cannot use the state directory \/dev\/null\/x .*--state-dir/,
    ],
    [
      '--group web --id a --dry-run --boot-id-file /nowhere',
      /\/nowhere is not there: a reboot cannot be proved without it/,
    ],
    ['--group web --id a -w table', '"reboot agent" prints no table: use --output simple or json'],
  ],
};
