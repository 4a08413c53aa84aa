import { authVersion } from '../../server/src/core/cluster-version.ts';
import type { Asker, Command as MachineCommand, Origin } from '../../server/src/core/command.ts';
import { encodeCommand } from '../../server/src/core/command-codec.ts';
import { LeaseClock } from '../../server/src/core/lease/lease-clock.ts';
import { Machine } from '../../server/src/core/machine.ts';
import type { KeyValue } from '../../server/src/core/mvcc/key-value.ts';
import type { RangeRequest, TxnRequest } from '../../server/src/core/mvcc/requests.ts';
import { type ByteString, noLease } from '../../server/src/core/mvcc/values.ts';
import type { Reply } from '../../server/src/core/reply.ts';
import { type HubStream, WatchHub } from '../../server/src/core/watch/watch-hub.ts';
import type { Command } from './golden.ts';
import { rightsOf } from './machine-script-rights.ts';
import { operationOf, parseCompare, putOf, splitList } from './machine-script-txn.ts';
import { describePairs, describeReply } from './machine-script-words.ts';

const ticksPerSecond = 10;

/** One machine with its hub, its lease clock and one connection: what a member has without Raft. */
export class MachineScript {
  #machine = new Machine(
    ['1', '2', '3'].map((memberId) => ({
      memberId,
      name: memberId,
      peerAddress: '',
      clientAddress: '',
      directoryId: '',
    })),
  );
  #clock = new LeaseClock({ ticksPerSecond });
  readonly #hub = new WatchHub(this.#machine.store);
  readonly #stream: HubStream;
  readonly #said: string[] = [];
  #index = 0;

  constructor() {
    this.#machine.leases.observe(this.#clock);
    this.#stream = this.#hub.open({
      ready: () => true,
      events: (ids, { revision, events }) => {
        const shown = events.map(({ kv, prevKv }) => {
          const before = prevKv === undefined ? '' : ` (was ${prevKv.value})`;
          return kv.version === 0 ? `${kv.key} deleted${before}` : `${kv.key}=${kv.value}${before}`;
        });
        this.#said.push(`  watch ${ids.join()}: ${revision} ${shown.join(', ')}`);
      },
      progress: (ids, revision) => this.#said.push(`  watch ${ids.join()}: progress ${revision}`),
      ended: (id, { reason, resumeRevision }) =>
        this.#said.push(`  watch ${id}: ended, ${reason}, resume at ${resumeRevision}`),
    });
  }

  readonly run = (command: Command): Iterable<string> => {
    this.#said.length = 0;
    const verb = this.#verbs[command.verb] ?? command.fail(`"${command.verb}" is no verb`);
    verb(command);
    while (this.#hub.hasWork) this.#hub.work();
    return [...this.#said];
  };

  #say(line: string): void {
    this.#said.push(line);
  }

  /** Applies a command and says what it answered and wrote. */
  #apply(machineCommand: MachineCommand, command?: Command): Reply {
    this.#index++;
    const origin: Origin = { incarnation: 1, sequence: this.#index };
    const number = command?.option('once');
    const [clientId = '', sequence = 0, ackedBelow = 0] = number?.split('/') ?? [];
    const once = { clientId, sequence: Number(sequence), ackedBelow: Number(ackedBelow) };
    const mark = number === undefined ? undefined : once;
    const asker = this.#asker(command);
    const first = this.#machine.build.firstVersionOf(machineCommand);
    const version = asker === undefined ? first : Math.max(first, authVersion);
    const payload = encodeCommand(origin, machineCommand, mark, version, asker);
    const applied = this.#machine.apply(payload, this.#index);
    this.#say(describeReply(applied.reply, applied.revision));
    if (applied.events.length > 0) this.#say(`  wrote ${describeEvents(applied.events)}`);
    this.#hub.publish(applied.events);
    return applied.reply;
  }

  /** `as=ada`: by the rights of now; `as=ada@3`: by those at auth revision 3. */
  #asker(command: Command | undefined): Asker | undefined {
    const [user, revision] = command?.option('as')?.split('@') ?? [];
    if (user === undefined) return undefined;
    return { user, authRevision: Number(revision ?? this.#machine.auth.state.revision) };
  }

  readonly #verbs: Readonly<Record<string, (command: Command) => void>> = {
    put: (command) => {
      const request = putOf(command.word('a key'), command.maybeWord() ?? '', {
        lease: command.option('lease') ?? noLease,
        ignoreValue: command.option('ignore')?.includes('value') === true,
        ignoreLease: command.option('ignore')?.includes('lease') === true,
      });
      this.#apply({ type: 'put', ...request }, command);
    },
    delete: (command) => {
      const range = rangeOf(command);
      this.#apply({ type: 'deleteRange', ...range, prevKv: true }, command);
    },
    txn: (command) => {
      const branch = (name: string) => splitList(command.option(name)).map(operationOf);
      const request: TxnRequest = {
        compares: splitList(command.option('if')).map(parseCompare),
        success: branch('then'),
        failure: branch('else'),
      };
      this.#apply({ type: 'txn', ...request }, command);
    },
    get: (command) => this.#get(command),
    compact: (command) => {
      this.#apply({ type: 'compact', revision: Number(command.word('a revision')) }, command);
    },
    sweep: () => {
      const { store } = this.#machine;
      const before = store.countVersions();
      while (store.hasGarbage) store.sweep(1);
      const left = store.countVersions();
      this.#say(`${before - left} versions given back, ${left} left`);
    },
    grant: (command) => {
      const id = command.word('an id');
      this.#apply({ type: 'leaseGrant', id, ttl: Number(command.word('seconds')) }, command);
    },
    revoke: (command) => {
      this.#apply({ type: 'leaseRevoke', id: command.word('an id') }, command);
    },
    renew: (command) => {
      this.#apply({ type: 'leaseRenew', ids: command.word('ids').split(',') }, command);
    },
    seconds: (command) => {
      const ticks = Number(command.word('how many')) * ticksPerSecond;
      for (let tick = 0; tick < ticks; tick++) this.#clock.tick();
      const due = this.#clock.due(100).map(({ id }) => id);
      this.#say(`due: ${due.join() || 'none'}`);
    },
    'expire-due': () => {
      this.#apply({ type: 'leaseExpire', marks: this.#clock.due(100) });
    },
    'expire-as-of': (command) => {
      // What a leader decided before it applied a renewal.
      const id = command.word('an id');
      const renewals = Number(command.word('renewals it knew'));
      const known = this.#machine.leases.get(id)?.renewals ?? 0;
      this.#apply({ type: 'leaseExpire', marks: [{ id, renewals: known + renewals }] });
    },
    checkpoint: () => {
      const checkpoints = this.#clock.checkpoints(100);
      this.#apply({ type: 'leaseCheckpoint', checkpoints });
    },
    lease: (command) => {
      const id = command.word('an id');
      const { leases } = this.#machine;
      const record = leases.get(id);
      const left = this.#clock.remainingSeconds(id);
      this.#say(
        record === undefined
          ? 'no such lease'
          : `${record.ttl} s, ${left} s left, keys: ${leases.keys(id).join() || 'none'}`,
      );
    },
    register: (command) => {
      this.#apply({ type: 'registerClient' }, command);
    },
    alarm: () => {
      this.#apply({ type: 'raiseAlarm', memberId: '1', alarm: 'nospace' });
    },
    disarm: () => {
      this.#apply({ type: 'clearAlarm', memberId: '', alarm: '' });
    },
    check: () => {
      this.#apply({ type: 'hashCheck' });
    },
    report: (command) => {
      const memberId = command.word('a member');
      const hash = Number(command.word('a hash'));
      const { check } = this.#machine.hashCheck.view();
      this.#apply({ type: 'hashReport', memberId, check, hash });
      const alarms = this.#machine.alarms.list();
      this.#say(
        `alarms: ${alarms.map((each) => `${each.alarm} ${each.memberId}`).join() || 'none'}`,
      );
    },
    upgrade: () => {
      this.#apply({ type: 'raiseClusterVersion', version: 2 });
    },
    rights: (command) => {
      this.#apply({ type: 'auth', change: rightsOf(command) }, command);
      const { enabled, revision } = this.#machine.auth.state;
      this.#say(`  rights ${enabled ? 'enforced' : 'not enforced'}, auth revision ${revision}`);
    },
    'may-read': (command) => {
      const user = command.word('a user');
      const may = this.#machine.auth.state.rights(user).permits('read', rangeOf(command));
      this.#say(may ? 'yes' : 'no');
    },
    restart: () => {
      const restorer = Machine.restorer();
      for (const chunk of this.#machine.image().chunks()) restorer.push(chunk);
      this.#machine = restorer.finish();
      this.#clock = new LeaseClock({ ticksPerSecond });
      this.#machine.leases.observe(this.#clock);
      this.#hub.replaceSource(this.#machine.store);
    },
    watch: (command) => {
      const id = Number(command.word('an id'));
      const flags = command.option('with') ?? '';
      const credits = command.option('credits');
      const spec = {
        ranges: [rangeOf(command)],
        prevKv: flags.includes('prev'),
        noPut: flags.includes('no-put'),
        noDelete: flags.includes('no-delete'),
        keysOnly: flags.includes('keys'),
      };
      const service = {
        progressNotify: flags.includes('progress'),
        credits: credits === undefined ? undefined : Number(credits),
      };
      const from = Number(command.option('from') ?? 0);
      this.#say(`watches from ${this.#stream.create(id, spec, service, from)}`);
    },
    credit: (command) => {
      this.#stream.credit(Number(command.word('a watch')), Number(command.word('how many')));
    },
    progress: () => this.#hub.progressDue(),
  };

  #get(command: Command): void {
    const { store } = this.#machine;
    const [sortTarget = 'key', sortOrder = 'none'] = command.option('sort')?.split(':') ?? [];
    const show = command.option('show') ?? '';
    const bound = (name: string): number => Number(command.option(name) ?? 0);
    const request: RangeRequest = {
      ...rangeOf(command),
      limit: bound('limit'),
      revision: bound('rev'),
      keysOnly: show === 'keys',
      countOnly: show === 'count',
      // A script that names another is wrong, and shows it.
      sortOrder: sortOrder as RangeRequest['sortOrder'],
      sortTarget: sortTarget as RangeRequest['sortTarget'],
      minModRevision: bound('min-mod'),
      maxModRevision: bound('max-mod'),
      minCreateRevision: bound('min-create'),
      maxCreateRevision: bound('max-create'),
    };
    const refused = store.refusal(request.revision);
    if (refused !== undefined) return this.#say(refused);
    const { kvs, more, count } = store.range(request);
    this.#say(`${describePairs(kvs)}; count ${count}${more ? ', more' : ''}`);
  }
}

function rangeOf(command: Command): { key: ByteString; rangeEnd: ByteString } {
  const key = command.word('a key');
  const end = command.option('end') ?? '';
  return {
    key: (key === 'ALL' ? '\0' : key) as ByteString,
    rangeEnd: (end === 'NONE' || key === 'ALL' ? '\0' : end) as ByteString,
  };
}

function describeEvents(events: readonly KeyValue[]): string {
  return events
    .map(({ key, value, version, modRevision, createRevision, lease }) => {
      if (version === 0) return `${modRevision} ${key} deleted`;
      const on = lease === noLease ? '' : ` lease ${lease}`;
      return `${modRevision} ${key}=${value} v${version} created ${createRevision}${on}`;
    })
    .join('; ');
}
