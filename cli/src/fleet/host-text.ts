import type { Block, FleetStatus, GroupStatus, HostStatus } from '@lockstep/reboot-coordinator';
import { printable } from '../printable.ts';
import { moment, span } from './time-text.ts';

/** Somebody else's text: a terminal would do what it says. */
export function safe(text: string): string {
  return printable(Buffer.from(text));
}

export function nameOf({ name, id }: Pick<HostStatus, 'name' | 'id'>): string {
  return safe(name ?? id);
}

/** A reason, and how long it lasts if it ends by itself. */
export function reasonText({ message, until }: Block, at: number): string {
  return until === undefined || until <= at
    ? safe(message)
    : `${safe(message)}, for ${span(until - at)}`;
}

/** What is in the way of a host beside what holds its whole group. */
export function ownReasons(status: FleetStatus, host: HostStatus): readonly Block[] {
  const group = status.groups.find(({ name }) => name === host.group);
  const shared = new Set(
    [...status.blocks, ...(group?.blocks ?? [])].map(({ message }) => message),
  );
  return (host.whyNot ?? []).filter(({ message }) => !shared.has(message));
}

/** `rebooting`, and of an overdue host what it is late with. */
export function stepOf({ state, overdueIn }: HostStatus): string {
  return overdueIn === undefined ? state : `${state} (${overdueIn})`;
}

/** `6.1.0-17 -> 6.1.0-18`, as far as either is known. */
export function versions({ version, request }: HostStatus): string {
  const target = request?.target;
  if (target === undefined || target === version) return safe(version ?? '');
  return `${safe(version ?? '?')} -> ${safe(target)}`;
}

/** Why it holds a slot, and how it failed if it did. */
export function causeOf({ request, failure }: HostStatus): string {
  return safe(
    [failure?.reason, request?.reason].filter((text) => text !== undefined).join('; for '),
  );
}

/** Down, and nobody planned it: silent, overdue or failed. */
export function isDown({ isAlive, state, grant }: HostStatus): boolean {
  if (grant !== undefined) return state === 'overdue' || state === 'failed';
  return !isAlive;
}

export function downText(host: HostStatus, at: number): string {
  const since = span(at - host.since);
  if (host.grant === undefined) return 'its agent gives no sign of life';
  const why = host.failure === undefined ? '' : `: ${safe(host.failure.reason)}`;
  return `${stepOf(host)} for ${since}${why}`;
}

/** Whether reboots may begin in a group, by its windows and those of the fleet. */
export function openingText({ opening }: GroupStatus, at: number): string {
  if (opening === undefined) return 'not declared';
  if (opening.isOpen) {
    return opening.until === undefined
      ? 'open'
      : `open until ${moment(opening.until)} (${span(opening.until - at)})`;
  }
  const what = opening.because === 'blackout' ? 'blackout' : 'closed';
  return opening.opensAt === undefined
    ? `${what}, never opens`
    : `${what} until ${moment(opening.opensAt)} (${span(opening.opensAt - at)})`;
}

/** All that is to be said of one host: where it stands, why, and what would change it. */
export function hostLines(status: FleetStatus, host: HostStatus): string[] {
  const { at } = status;
  const { id, group, state, since, request, position, whyNot = [], grant } = host;
  const title = nameOf(host) === safe(id) ? safe(id) : `${nameOf(host)} (id ${safe(id)})`;
  const place = position === undefined ? '' : `, place ${position} in line`;
  const zone = host.zone === undefined ? '' : `, zone ${safe(host.zone)}`;
  const lines = [
    `${title}, group ${safe(group)}${zone}: ${stepOf(host)} for ${span(at - since)}${place}`,
  ];
  if (request !== undefined) lines.push(`  asks for a reboot because of ${safe(request.reason)}`);
  if (versions(host) !== '') lines.push(`  version ${versions(host)}`);
  if (grant !== undefined) {
    const by = grant.rebootBy === undefined ? '' : `, to begin by ${moment(grant.rebootBy)}`;
    lines.push(`  has the slot ${safe(grant.id)} for ${span(at - grant.at)}${by}`);
  }
  if (host.failure !== undefined) lines.push(`  failed: ${safe(host.failure.reason)}`);
  if (state === 'waiting') {
    lines.push('why it does not reboot:');
    lines.push(...whyNot.map((block) => `  ${reasonText(block, at)}`));
  } else lines.push(...restLines(host));
  return lines;
}

/** Of a host that does not wait. */
function restLines(host: HostStatus): string[] {
  const lines: string[] = [];
  const { state, via, isAlive, paused, isQuarantined, id, grant } = host;
  if (!isAlive && grant === undefined) {
    lines.push('its agent gives no sign of life, so nobody knows whether it needs a reboot');
  } else if (grant === undefined) {
    lines.push(
      via === 'agent'
        ? 'its agent sees no need for a reboot'
        : 'its client has not asked for a slot',
    );
  }
  if (paused !== undefined) {
    const why = paused.reason === '' ? '' : `: ${safe(paused.reason)}`;
    lines.push(`the host is paused by ${safe(paused.by)}${why}`);
  }
  if (isQuarantined) lines.push(`quarantined: lockstep reboot resume --host ${safe(id)}`);
  if (grant !== undefined && (state === 'overdue' || state === 'failed')) {
    const order = `lockstep reboot release ${safe(id)} --reason WHY`;
    lines.push(`it keeps its slot until it serves again, or until: ${order}`);
  }
  return lines;
}
