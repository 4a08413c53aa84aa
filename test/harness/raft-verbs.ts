import type { MemberChange, MembershipChange } from '../../server/src/core/raft/membership.ts';
import { leaveJoint } from '../../server/src/core/raft/membership.ts';
import type { Message } from '../../server/src/core/raft/message.ts';
import type { RaftOptions } from '../../server/src/core/raft/state.ts';
import type { Entry, MemberId } from '../../server/src/core/raft/types.ts';
import type { Command } from './golden.ts';
import { entryText, membershipText, messageText } from './raft-trace.ts';
import { RaftWorld, worldDefaults } from './raft-world.ts';

/** Under this seed nobody's election timeout is close to the minimum, so only those campaign who are told to. */
const quietSeed = 3629;

type Verb = (script: RaftScript, command: Command) => void;

/** A {@link RaftWorld} under the commands of a golden script. `README.md` beside the scripts lists the verbs. */
export class RaftScript {
  lines: string[] = [];
  /** Messages taken aside by `delay`. */
  delayed: Message[] = [];
  #world: RaftWorld | undefined;

  readonly run = (command: Command): string[] => {
    const verb = verbs[command.verb] ?? command.fail(`there is no verb "${command.verb}"`);
    this.lines = [];
    verb(this, command);
    return this.lines;
  };

  get world(): RaftWorld {
    if (this.#world === undefined) throw new Error('a script begins with "cluster"');
    return this.#world;
  }

  begin(command: Command): void {
    const flags = (name: 'preVote' | 'checkQuorum') => (command.option(name) ?? 'on') === 'on';
    const limits: Record<string, number | boolean> = {
      preVote: flags('preVote'),
      checkQuorum: flags('checkQuorum'),
    };
    const voters = command.list('voters') ?? command.fail('"cluster" needs voters=a,b,...');
    const learners = command.list('learners') ?? [];
    for (const [name, value] of command.options()) {
      if (!(name in worldDefaults)) command.fail(`there is no setting "${name}"`);
      limits[name] = Number(value);
    }
    this.#world = new RaftWorld(
      { voters, learners, limits: limits as Partial<RaftOptions>, seed: quietSeed },
      (line) => this.lines.push(line),
    );
  }

  /** `all`, or the members named; all when none is. */
  members(command: Command): MemberId[] {
    const named = command.words();
    return named.length === 0 || named[0] === 'all' ? [...this.world.hosts.keys()] : named;
  }

  /** Messages in flight that fit `a->b` (either side may be `*`) and `type=`. */
  matching(command: Command, messages: readonly Message[]): Message[] {
    const [from, to] = (command.maybeWord() ?? '*->*').split('->');
    const type = command.option('type');
    return messages.filter(
      (message) =>
        (from === '*' || from === message.from) &&
        (to === '*' || to === message.to) &&
        (type === undefined || type === message.type),
    );
  }
}

const verbs: Readonly<Record<string, Verb>> = {
  cluster: (script, command) => script.begin(command),

  // What members are asked to do.
  tick: ({ world }, command) => {
    const id = command.word('a member or "all"');
    const times = Number(command.maybeWord() ?? 1);
    const members = id === 'all' ? [...world.hosts.keys()] : [id];
    for (let at = 0; at < times; at++) {
      for (const member of members) world.host(member).input((raft) => raft.tick());
    }
  },
  timeout: ({ world }, command) => {
    const host = world.host(command.word('a member'));
    const before = `${host.raft?.role} ${host.raft?.term}`;
    for (let at = 0; at < 100 && `${host.raft?.role} ${host.raft?.term}` === before; at++) {
      host.input((raft) => raft.tick());
    }
  },
  campaign: ({ world }, command) => {
    world.host(command.word('a member')).input((raft) => raft.campaign());
  },
  elect: ({ world }, command) => {
    const id = command.word('a member');
    world.host(id).input((raft) => raft.campaign());
    world.stabilize();
    if (world.raft(id).role !== 'leader') command.fail(`${id} was not elected`);
  },
  propose: (script, command) => {
    const host = script.world.host(command.word('a member'));
    const times = command.integer('times', 1);
    const payloads = command.words().map((text) => new TextEncoder().encode(text));
    for (let at = 0; at < times; at++) {
      const batch = script.world.freshNumber();
      const refused = host.input((raft) => raft.propose(payloads, batch));
      if (refused !== undefined) script.lines.push(`refused: ${refused}`);
    }
  },
  change: (script, command) => {
    const host = script.world.host(command.word('a member'));
    const transition = (command.option('transition') ?? 'auto') as MembershipChange['transition'];
    const changes = command.words().map((word) => changeOf(word, command));
    const change = { changes, transition, context: '' };
    const refused = host.input((raft) => raft.proposeMembership(change));
    if (refused !== undefined) script.lines.push(`refused: ${refused}`);
  },
  leave: (script, command) => {
    const host = script.world.host(command.word('a member'));
    const refused = host.input((raft) => raft.proposeMembership(leaveJoint));
    if (refused !== undefined) script.lines.push(`refused: ${refused}`);
  },
  read: (script, command) => {
    if (!script.world.read(command.word('a member'))) script.lines.push('refused: no leader');
  },
  transfer: (script, command) => {
    const host = script.world.host(command.word('a member'));
    const target = command.word('a target');
    if (!host.input((raft) => raft.transfer(target))) script.lines.push('refused');
  },

  // The network.
  stabilize: ({ world }) => world.stabilize(),
  deliver: (script, command) => {
    const { world } = script;
    for (const message of script.matching(command, world.inFlight)) world.deliver(message);
  },
  lose: (script, command) => {
    const { world } = script;
    for (const message of script.matching(command, world.inFlight)) world.lose(message);
  },
  delay: (script, command) => {
    const { world } = script;
    const messages = script.matching(command, world.inFlight);
    world.inFlight = world.inFlight.filter((message) => !messages.includes(message));
    script.delayed.push(...messages);
  },
  arrive: (script, command) => {
    const messages = script.matching(command, script.delayed);
    script.delayed = script.delayed.filter((message) => !messages.includes(message));
    for (const message of messages) script.world.arrive(message);
  },
  cut: ({ world }, command) => {
    const [one, other] = [command.word('a member'), command.word('another member')];
    world.cuts.add(`${one}->${other}`).add(`${other}->${one}`);
  },
  isolate: ({ world }, command) => {
    const id = command.word('a member');
    for (const other of world.hosts.keys())
      world.cuts.add(`${id}->${other}`).add(`${other}->${id}`);
  },
  heal: ({ world }) => world.cuts.clear(),
  unreachable: ({ world }, command) => {
    const host = world.host(command.word('a leader'));
    const member = command.word('a follower');
    host.input((raft) => raft.unreachable(member));
  },

  // Disk and process.
  hold: ({ world }, command) => {
    world.host(command.word('a member')).held = true;
  },
  persist: ({ world }, command) => {
    const host = world.host(command.word('a member'));
    host.persist(Number(command.maybeWord() ?? host.pending.length));
  },
  release: ({ world }, command) => {
    const host = world.host(command.word('a member'));
    host.persist();
    host.held = false;
  },
  crash: ({ world }, command) => {
    const host = world.host(command.word('a member'));
    host.crash();
    host.held = false;
  },
  tear: ({ world }, command) => {
    const host = world.host(command.word('a member'));
    const kept = command.option('keep') ?? command.fail('"tear" needs keep=entries or hardState');
    const entries = kept === 'entries' ? Number.POSITIVE_INFINITY : 0;
    host.crash(0, { hardState: kept === 'hardState', entries });
    host.held = false;
  },
  restart: ({ world }, command) => {
    const host = world.host(command.word('a member'));
    host.crash();
    host.start();
  },
  start: ({ world }, command) => {
    world.startMember(command.word('a member'));
  },
  preset: ({ world }, command) => {
    const host = world.host(command.word('a member'));
    host.crash();
    const terms = command.list('log') ?? [];
    host.disk.entries = terms.map((term, at) => presetEntry(at + 1, Number(term)));
    host.disk.hardState = {
      term: command.integer('term', Number(terms.at(-1) ?? 0)),
      vote: command.option('vote') ?? '',
      commit: command.integer('commit', 0),
    };
    host.start();
  },
  snapshot: (script, command) => {
    const host = script.world.host(command.word('a member'));
    const meta = host.takeSnapshot();
    if (meta !== undefined) script.lines.push(`${host.id} has a snapshot at ${meta.index}`);
    host.compact(command.integer('compact', meta?.index ?? 0));
  },
  report: ({ world }, command) => {
    const outcome = command.word('"by-host", "never", or a leader');
    if (outcome === 'by-host' || outcome === 'never') {
      world.reportSnapshots = outcome === 'by-host';
      return;
    }
    const member = command.word('a follower');
    const ok = command.word('"ok" or "failed"') === 'ok';
    world.host(outcome).input((raft) => raft.snapshotFinished(member, ok));
  },

  // Looking on.
  status: (script, command) => {
    for (const id of script.members(command)) script.lines.push(statusText(script.world, id));
  },
  log: (script, command) => {
    for (const id of script.members(command)) script.lines.push(logText(script.world, id));
  },
  progress: (script, command) => {
    const { progress } = script.world.raft(command.word('a leader'));
    for (const { member, state, match, next, inflightCount } of progress?.values() ?? []) {
      const inflight = state === 'replicate' ? ` inflight=${inflightCount}` : '';
      script.lines.push(`${member} ${state} match=${match} next=${next}${inflight}`);
    }
  },
  messages: (script) => {
    for (const message of script.world.inFlight) script.lines.push(messageText(message));
  },
};

function changeOf(word: string, command: Command): MemberChange {
  const action = ({ '+': 'addVoter', '~': 'addLearner', '-': 'remove' } as const)[word[0] ?? ''];
  if (action === undefined) command.fail(`a change is +4, ~4 or -4, not "${word}"`);
  return { action, member: word.slice(1) };
}

function presetEntry(index: number, term: number): Entry {
  return { index, term, kind: 'command', payload: new Uint8Array(0) };
}

function statusText(world: RaftWorld, id: MemberId): string {
  const { raft, applied } = world.host(id);
  if (raft === undefined) return `${id} is down`;
  const { role, term, vote, leader, committed, lastIndex, membership } = raft;
  return (
    `${id} ${role} term=${term} vote=${vote === '' ? 'none' : vote} ` +
    `leader=${leader === '' ? 'none' : leader} last=${lastIndex} commit=${committed} ` +
    `applied=${applied} ${membershipText(membership)}`
  );
}

function logText(world: RaftWorld, id: MemberId): string {
  const { raft } = world.host(id);
  if (raft === undefined) return `${id} is down`;
  const entries = raft.entries(raft.firstIndex, Number.POSITIVE_INFINITY).map(entryText);
  return `${id}: ${[`(${raft.firstIndex - 1}@${raft.termAt(raft.firstIndex - 1)})`, ...entries].join(' ')}`;
}
