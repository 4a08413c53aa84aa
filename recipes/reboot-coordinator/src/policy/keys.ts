/** What a key of a fleet is about. */
export type FleetKey =
  | { readonly kind: 'fleet' | 'guard' }
  | { readonly kind: 'group' | 'groupPause' | 'pace' | 'breaker'; readonly group: string }
  | { readonly kind: 'host' | 'alive' | 'hostPause' | 'now'; readonly host: string }
  | { readonly kind: 'fleetPause' | 'fleetPace' }
  | { readonly kind: 'failure'; readonly group: string; readonly grant: string };

/** Where the records of a fleet are. Ids are escaped as in a URL, since a FleetLock id may be any text. */
export class FleetKeys {
  /** All of what decisions are made from. */
  readonly root: string;
  /** The history, which nobody decides from. */
  readonly history: string;
  /** How far each webhook has been told of it. */
  readonly allNotified: string;
  readonly #name: string;

  /** @param name of the fleet; several in one cluster have nothing to do with each other. */
  constructor(name = 'reboot') {
    this.root = `${name}/`;
    this.history = `${name}.history/`;
    this.allNotified = `${name}.notified/`;
    this.#name = name;
  }

  notified(webhook: string): string {
    return this.allNotified + escaped(webhook);
  }
  /** How many rows a webhook will never be told of. */
  untold(webhook: string): string {
    return `${this.#name}.untold/${escaped(webhook)}`;
  }
  get fleet(): string {
    return `${this.root}fleet`;
  }
  /** Written by every grant and by every change of what limits grants: who decides compares its revision. */
  get guard(): string {
    return `${this.root}guard`;
  }
  get groups(): string {
    return `${this.root}groups/`;
  }
  group(name: string): string {
    return this.groups + escaped(name);
  }
  get hosts(): string {
    return `${this.root}hosts/`;
  }
  host(id: string): string {
    return this.hosts + escaped(id);
  }
  alive(id: string): string {
    return `${this.root}alive/${escaped(id)}`;
  }
  /** That a host shall be the next one of its group. */
  now(id: string): string {
    return `${this.root}now/${escaped(id)}`;
  }
  get pauses(): string {
    return `${this.root}pauses/`;
  }
  get fleetPause(): string {
    return `${this.pauses}fleet`;
  }
  groupPause(name: string): string {
    return `${this.pauses}groups/${escaped(name)}`;
  }
  hostPause(id: string): string {
    return `${this.pauses}hosts/${escaped(id)}`;
  }
  get fleetPace(): string {
    return `${this.root}paces/fleet`;
  }
  pace(group: string): string {
    return `${this.root}paces/groups/${escaped(group)}`;
  }
  get breakers(): string {
    return `${this.root}breakers/`;
  }
  /** That the failures of a group were too many; there until somebody resumes it. */
  breaker(group: string): string {
    return this.breakers + escaped(group);
  }
  get allFailures(): string {
    return `${this.root}failures/`;
  }
  failures(group: string): string {
    return `${this.allFailures}${escaped(group)}/`;
  }
  failure(group: string, grant: string): string {
    return this.failures(group) + escaped(grant);
  }

  /** What stops a host of a group at the last moment, if it is there. */
  stops(group: string, host: string): readonly string[] {
    return [this.fleetPause, this.groupPause(group), this.hostPause(host), this.breaker(group)];
  }

  /** @returns undefined for a key that is none of a fleet's. */
  read(key: string): FleetKey | undefined {
    if (!key.startsWith(this.root)) return undefined;
    const [first, second, third, ...rest] = key.slice(this.root.length).split('/').map(unescaped);
    if (first === undefined || rest.length > 0) return undefined;
    if (second === undefined) {
      return first === 'fleet' || first === 'guard' ? { kind: first } : undefined;
    }
    if (third === undefined) return readTwo(first, second);
    if (first === 'failures') return { kind: 'failure', group: second, grant: third };
    if (first === 'pauses' && second === 'groups') return { kind: 'groupPause', group: third };
    if (first === 'pauses' && second === 'hosts') return { kind: 'hostPause', host: third };
    if (first === 'paces' && second === 'groups') return { kind: 'pace', group: third };
    return undefined;
  }
}

function readTwo(first: string, second: string): FleetKey | undefined {
  switch (first) {
    case 'groups':
      return { kind: 'group', group: second };
    case 'breakers':
      return { kind: 'breaker', group: second };
    case 'hosts':
      return { kind: 'host', host: second };
    case 'alive':
    case 'now':
      return { kind: first, host: second };
    case 'pauses':
      return second === 'fleet' ? { kind: 'fleetPause' } : undefined;
    case 'paces':
      return second === 'fleet' ? { kind: 'fleetPace' } : undefined;
    default:
      return undefined;
  }
}

function escaped(part: string): string {
  return encodeURIComponent(part);
}

/** What somebody wrote by hand may not be escaped at all. */
function unescaped(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
