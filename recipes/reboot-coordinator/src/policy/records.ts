/**
 * What the store holds of a fleet, one JSON document a key. All times are milliseconds since 1970 on the
 * members' clock, never on a host's own.
 */

/**
 * Where a host stands. `idle` has asked for nothing yet, or takes its request back. A slot is held from `granted` until
 * it is released, so in `overdue` too, and in `failed` for as long as the host is not known to be back in service.
 */
export const hostStates = [
  'idle',
  'waiting',
  'granted',
  'draining',
  'rebooting',
  'verifying',
  'overdue',
  'failed',
  'done',
] as const;
export type HostState = (typeof hostStates)[number];

/** A reboot that a host asks for. */
export interface RebootRequest {
  readonly at: number;
  /** The revision by which it stands in line; without it, that of the record itself, which is then as old as the request. */
  readonly place?: number;
  /** Why, for people: `/run/reboot-required: linux-image-6.1`. */
  readonly reason: string;
  /** The version that the host will run afterwards, if it knows. */
  readonly target?: string;
  /** Whether somebody waits for the answer now: a FleetLock client that hung up does not, and keeps its place. */
  readonly isAsking: boolean;
  /** Not before this time: it gave a slot back and shall not hog it. */
  readonly notBefore?: number;
  /** Why it gave the last slot back. */
  readonly gaveBack?: string;
}

/** A slot, from when it was granted. Whoever speaks for the host names its id in each step. */
export interface Grant {
  readonly id: string;
  readonly at: number;
  /** The host must have begun to drain by then, or the slot goes back. */
  readonly startBy: number;
  /** The reboot must have begun by then: the window ends. */
  readonly rebootBy?: number;
  /** What the host ran when it was granted: another boot id is the proof of a reboot. */
  readonly bootId?: string;
  readonly version?: string;
}

export interface Failure {
  readonly at: number;
  readonly reason: string;
  /** The version that it was about, for the breaker of a version. */
  readonly version?: string;
}

/** `hosts/<id>`: one for each host, whatever its group. The revision that wrote it guards each step. */
export interface HostRecord {
  readonly id: string;
  readonly group: string;
  /** A rack or an availability zone. */
  readonly zone?: string;
  /** What people call it. */
  readonly name?: string;
  readonly via: 'agent' | 'fleetlock';
  readonly state: HostState;
  /** Since when it is in this state. */
  readonly since: number;
  readonly bootId?: string;
  readonly version?: string;
  /** A hash of what only this machine has, so that a copy of it is not taken for it. */
  readonly credential?: string;
  /** The name of the store's member that runs on it. */
  readonly member?: string;
  readonly request?: RebootRequest;
  /** There is one exactly while the host holds a slot. */
  readonly grant?: Grant;
  /** The state that lasted too long, when it is `overdue`. */
  readonly overdueIn?: HostState;
  /** Its slot was taken away, and its agent has not given it work again yet. */
  readonly isDrained?: boolean;
  /** How its last reboot failed; gone with the next grant. */
  readonly failure?: Failure;
  /** Reboots for one cause that did not help, in a row. */
  readonly loop?: { readonly cause: string; readonly boots: number };
}

/** `alive/<id>`, under the lease of the host's agent: who speaks for the host now. */
export interface AliveRecord {
  readonly bootId: string;
  /** One run of the agent. */
  readonly instance: string;
}

/** So many hosts, or a share of those that are registered: rounded down, and at least one. */
export type Limit = { readonly count: number } | { readonly percent: number };

/** When reboots may begin. Both are written as `parseWindow` reads them. */
export interface Calendar {
  /** Without any, always. */
  readonly windows?: readonly string[];
  /** Never within these. */
  readonly blackouts?: readonly string[];
  /** An IANA name, for all that do not name their own. Default UTC. */
  readonly timeZone?: string;
}

/** `groups/<name>`: a group exists when this does. Times in milliseconds. */
export interface GroupPolicy extends Calendar {
  readonly limit: Limit;
  /** From one grant, and from one release, to the next grant. Default 0. */
  readonly gapMs?: number;
  /** How long a host's checks must be green before its slot is released. Default 30 s. */
  readonly soakMs?: number;
  /** How long after a grant the host may take to begin. Default 5 min. */
  readonly startWithinMs?: number;
  /** How long after its grant a host that is not back is overdue. Default 30 min. */
  readonly overdueAfterMs?: number;
  /** So many failures stop the group until somebody resumes it. Default 2. */
  readonly breakAfter?: number;
  /** So many failed, overdue or missing hosts take up no slot. Default 0. */
  readonly writeOff?: number;
  /** After so many reboots for one cause that did not help, the host gets no more. Default 3. */
  readonly bootsMax?: number;
  /** Of groups that share a limit the highest goes first. Default 0. */
  readonly priority?: number;
  /** What must be green on a host that is back, beside what its own agent checks. */
  readonly checks?: readonly string[];
  /** SHA-256 in hexadecimal of the token that FleetLock clients of this group must show. */
  readonly tokenSha256?: string;
}

/** `fleet`: what holds for all groups together. */
export interface FleetPolicy extends Calendar {
  readonly limit?: Limit;
  /** Of each zone. */
  readonly zoneLimit?: Limit;
  readonly gapMs?: number;
  /** So many failures of one version, in any groups, and nobody reboots into it. Default 3. */
  readonly breakAfter?: number;
  readonly writeOff?: number;
}

/** `pauses/fleet`, `pauses/groups/<name>`, `pauses/hosts/<id>`, and `orders/<id>` for "now". */
export interface Order {
  readonly by: string;
  readonly reason: string;
  readonly at: number;
}

/** `failures/<group>/<grant id>`: counts for the breakers until the group is resumed. */
export interface FailureRecord extends Failure {
  readonly host: string;
  readonly group: string;
}

/** `pace/<group>`: when it last lost or got back a slot. */
export interface PaceRecord {
  readonly grantedAt?: number;
  readonly releasedAt?: number;
}

export const historyKinds = [
  'granted',
  'given back',
  'draining',
  'rebooting',
  'verifying',
  'done',
  'failed',
  'overdue',
  'released',
  'decommissioned',
  'paused',
  'resumed',
  'ordered',
  'breaker open',
  'group set',
  'fleet set',
  'imported',
  'unplanned reboot',
  'id in use twice',
  'unknown group',
] as const;
export type HistoryKind = (typeof historyKinds)[number];

/** One row of the history: who did what, why and when. */
export interface HistoryEntry {
  readonly kind: HistoryKind;
  readonly at: number;
  /** Who: an operator, `agent`, `coordinator`, `fleetlock`. */
  readonly by: string;
  readonly host?: string;
  /** What people call the host. */
  readonly name?: string;
  readonly group?: string;
  readonly grant?: string;
  readonly version?: string;
  readonly reason?: string;
}

/** How long each default is; in milliseconds where it is a time. */
export const policyDefaults = {
  gapMs: 0,
  soakMs: 30_000,
  startWithinMs: 5 * 60_000,
  overdueAfterMs: 30 * 60_000,
  breakAfter: 2,
  versionBreakAfter: 3,
  writeOff: 0,
  bootsMax: 3,
  retryAfterMs: 5 * 60_000,
} as const;
