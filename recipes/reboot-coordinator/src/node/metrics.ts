import type { Fleet } from '../policy/fleet.ts';
import { hostStates, policyDefaults } from '../policy/records.ts';
import type { FleetLockAnswered } from './fleetlock-handler.ts';

/** What is measured of a fleet; what is undefined is not shown. */
export interface FleetReadings {
  /** As the store has it; undefined while nothing was read. */
  readonly fleet?: Fleet | undefined;
  /** Milliseconds since 1970 on the members' clock. */
  readonly now: number;
  readonly contactAgeMs?: number | undefined;
  readonly answers?: FleetLockCounts | undefined;
  readonly notifications?: NotificationCounts | undefined;
}

/** What became of notifications, since this process began. */
export interface NotificationCounts {
  readonly sent: number;
  /** Attempts that did not arrive; each is made again unless the receiver refused the message itself. */
  readonly failed: number;
  /** Messages that a receiver refused, and gets no more. */
  readonly refused: number;
  /** Rows that were trimmed from the history before they could be sent. */
  readonly lost: number;
}

/** Counts answers of FleetLock, for {@link fleetMetrics}. */
export class FleetLockCounts {
  readonly #counts = new Map<string, number>();

  count({ call, status, kind }: FleetLockAnswered): void {
    const labels = `call="${call}",code="${status}",kind="${kind}"`;
    this.#counts.set(labels, (this.#counts.get(labels) ?? 0) + 1);
  }

  rows(): readonly (readonly [labels: string, count: number])[] {
    return [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1));
  }
}

type Sample = readonly [labels: string, value: number];

/** The readings as a page for Prometheus. */
export function fleetMetrics(readings: FleetReadings): string {
  const { fleet, now, contactAgeMs, answers, notifications } = readings;
  const page = new Page();
  page.gauge('up', 'Whether the records of the fleet have been read.', [
    ['', fleet === undefined ? 0 : 1],
  ]);
  if (contactAgeMs !== undefined) {
    const help = 'Seconds since the store last answered with a quorum behind it.';
    page.gauge('store_contact_age_seconds', help, [['', contactAgeMs / 1000]]);
  }
  if (fleet !== undefined) fleetRows(page, fleet, now);
  if (answers !== undefined) {
    const help = 'Answers of FleetLock, by call, HTTP status and kind; ok is a yes.';
    page.counter('fleetlock_answers_total', help, answers.rows());
  }
  if (notifications !== undefined) {
    const { sent, failed, refused, lost } = notifications;
    page.counter('notifications_sent_total', 'Messages that webhooks took.', [['', sent]]);
    const help = 'Attempts to send a message that did not arrive.';
    page.counter('notifications_failed_total', help, [['', failed]]);
    page.counter('notifications_refused_total', 'Messages that a webhook refused for good.', [
      ['', refused],
    ]);
    page.counter(
      'notifications_lost_total',
      'Rows trimmed from the history before they were sent.',
      [['', lost]],
    );
  }
  return page.text;
}

function fleetRows(page: Page, fleet: Fleet, now: number): void {
  const groups = [...fleet.groups.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const ofEach = (value: (group: (typeof groups)[number]) => number): Sample[] =>
    groups.map((group) => [`group="${escaped(group.name)}"`, value(group)]);
  const counts = groups.map((group) => {
    const states = new Map<string, number>();
    let oldest = now;
    for (const { record } of group.hosts.values()) {
      states.set(record.state, (states.get(record.state) ?? 0) + 1);
      if (record.state === 'waiting') oldest = Math.min(oldest, record.request?.at ?? record.since);
    }
    return { name: group.name, states, oldest };
  });
  page.gauge(
    'hosts',
    'Hosts by group and state.',
    counts.flatMap(({ name, states }) =>
      hostStates.map(
        (state): Sample => [`group="${escaped(name)}",state="${state}"`, states.get(state) ?? 0],
      ),
    ),
  );
  page.gauge(
    'slots',
    'How many hosts of the group may be down at once.',
    ofEach(({ policy, usage }) => (policy === undefined ? 0 : usage.slots(policy.limit))),
  );
  page.gauge(
    'slots_taken',
    'Slots of the group that are taken, by plan or by failure.',
    ofEach(({ policy, usage }) => usage.taken(policy?.writeOff ?? policyDefaults.writeOff)),
  );
  page.gauge(
    'waiting',
    'Hosts that wait for a slot.',
    counts.map(({ name, states }) => [`group="${escaped(name)}"`, states.get('waiting') ?? 0]),
  );
  page.gauge(
    'oldest_waiting_seconds',
    'How long the host that has waited longest has waited; 0 when none does.',
    counts.map(({ name, oldest }) => [`group="${escaped(name)}"`, (now - oldest) / 1000]),
  );
  page.gauge(
    'breaker_open',
    'Whether the group was stopped by failures.',
    ofEach(({ isBreakerOpen }) => Number(isBreakerOpen)),
  );
  page.gauge(
    'paused',
    'Whether somebody paused the group.',
    ofEach(({ paused }) => Number(paused !== undefined)),
  );
  page.gauge('fleet_paused', 'Whether somebody paused the fleet.', [
    ['', Number(fleet.paused !== undefined)],
  ]);
  page.gauge('unreadable_records', 'Records that cannot be read, for which nothing is granted.', [
    ['', fleet.unreadable.size],
  ]);
  page.counter('grants_total', 'Slots that were ever granted.', [['', fleet.guard.grants]]);
}

class Page {
  text = '';

  gauge(name: string, help: string, samples: readonly Sample[]): void {
    this.#add(name, 'gauge', help, samples);
  }

  counter(name: string, help: string, samples: readonly Sample[]): void {
    this.#add(name, 'counter', help, samples);
  }

  #add(name: string, type: string, help: string, samples: readonly Sample[]): void {
    const whole = `lockstep_reboot_${name}`;
    this.text += `# HELP ${whole} ${help}\n# TYPE ${whole} ${type}\n`;
    for (const [labels, value] of samples) {
      this.text += `${whole}${labels === '' ? '' : `{${labels}}`} ${value}\n`;
    }
  }
}

function escaped(label: string): string {
  return label.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
