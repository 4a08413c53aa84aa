import type { FleetStatus, HostStatus } from '@lockstep/reboot-coordinator';
import {
  causeOf,
  downText,
  isDown,
  nameOf,
  ownReasons,
  safe,
  stepOf,
  versions,
} from './host-text.ts';

/** Tells what is new from one status to the next, without what only grows older. */
export class StatusChanges {
  #told = new Map<string, string>();

  /** A line for each fact that is new or other than it was, and for each host that is gone. */
  linesOf(status: FleetStatus): string[] {
    const facts = factsOf(status);
    const lines: string[] = [];
    for (const [what, fact] of facts) if (this.#told.get(what) !== fact) lines.push(fact);
    for (const [what, fact] of this.#told) {
      if (facts.has(what)) continue;
      const [title = ''] = fact.split(': ');
      if (what.startsWith('host ')) lines.push(`${title}: gone`);
      else if (what.startsWith('group ')) lines.push(`${title}: no longer there`);
    }
    this.#told = facts;
    return lines;
  }
}

function factsOf(status: FleetStatus): Map<string, string> {
  const facts = new Map<string, string>();
  const held = status.blocks.map(({ message }) => safe(message)).join('; ');
  facts.set('fleet', `the fleet: ${held === '' ? 'not held' : `nothing is granted: ${held}`}`);
  for (const { name, taken, slots, blocks } of status.groups) {
    // That all slots are taken is told by who takes them.
    const why = blocks.filter(({ kind }) => kind !== 'full').map(({ message }) => safe(message));
    const text = why.length === 0 ? '' : `, nothing is granted: ${why.join('; ')}`;
    facts.set(`group ${name}`, `${safe(name)}: ${taken} of ${slots} slots taken${text}`);
  }
  for (const host of status.hosts) facts.set(`host ${host.id}`, hostFact(status, host));
  return facts;
}

function hostFact(status: FleetStatus, host: HostStatus): string {
  const title = `${safe(host.group)}/${nameOf(host)}`;
  if (host.state === 'waiting') {
    const own = ownReasons(status, host).filter(({ kind }) => kind !== 'behind' && kind !== 'next');
    const why = own.length === 0 ? '' : `: ${own.map(({ message }) => safe(message)).join('; ')}`;
    return `${title}: waits for a slot, ${causeOf(host)}${why}`;
  }
  if (isDown(host) && host.grant === undefined) return `${title}: down, ${downText(host, 0)}`;
  const about = [versions(host), causeOf(host)].filter((text) => text !== '').join(', ');
  return `${title}: ${stepOf(host)}${about === '' ? '' : `, ${about}`}`;
}
