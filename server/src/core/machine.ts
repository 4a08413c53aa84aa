import type { Alarm, LeaseId } from '@lockstep/client/protocol';
import { AlarmTable } from './alarm-table.ts';
import { leaseRefusal, staleRefusal } from './asker-check.ts';
import { AuthTable } from './auth/auth-table.ts';
import { unreachable } from './base/assert.ts';
import { crc32c } from './base/crc32c.ts';
import { type Build, checkFits, promotionsSince, thisBuild } from './cluster-version.ts';
import { type Command, type Envelope, needsRoom, type Origin } from './command.ts';
import { decodeCommand, versionOf } from './command-codec.ts';
import { HashCheck } from './hash-check.ts';
import { LeaseTable } from './lease/lease-table.ts';
import { noLease } from './lease/types.ts';
import { MachineCounts } from './machine-counts.ts';
import { MachineImage } from './machine-image.ts';
import { MachineRestorer } from './machine-restorer.ts';
import { type MemberRecord, MemberTable } from './member-table.ts';
import type { KeyValue } from './mvcc/key-value.ts';
import { MvccStore } from './mvcc/store.ts';
import { lonePutRefusal, runDeleteRange, runPut, runTxn } from './mvcc/txn.ts';
import type { MembershipChange } from './raft/membership.ts';
import { type Refusal, type Reply, replyBytes } from './reply.ts';
import { ReplyTable } from './reply-table.ts';

export interface Applied {
  readonly origin: Origin;
  readonly reply: Reply;
  /** The store's revision after the command. */
  readonly revision: number;
  /** What it wrote, in order. Several leases that expire together write one revision each. */
  readonly events: readonly KeyValue[];
}

interface Ran {
  readonly reply: Reply;
  readonly events: readonly KeyValue[];
  /** Given when it is not the store's: a repeated request is answered as it was the first time. */
  readonly revision?: number;
}

const nothing: readonly KeyValue[] = [];

/** The replicated state machine: the same entries in the same order give the same state on every member. */
export class Machine {
  readonly leases = new LeaseTable();
  readonly store = new MvccStore(this.leases);
  readonly members = new MemberTable();
  readonly replies = new ReplyTable<Reply>();
  readonly alarms = new AlarmTable();
  readonly hashCheck = new HashCheck();
  readonly auth = new AuthTable();
  /** Taken over from the machine that this one replaces. */
  counts = new MachineCounts();
  readonly build: Build;
  #clusterVersion: number;

  /** @param build the one it runs in; a new cluster begins at the lowest version that its build can do. */
  constructor(members: readonly MemberRecord[] = [], build = thisBuild) {
    this.build = build;
    this.#clusterVersion = build.versions.lowest;
    for (const record of members) this.members.set(record);
  }

  /** What commands mean, and which form the state has, now. */
  get clusterVersion(): number {
    return this.#clusterVersion;
  }

  /**
   * Takes the cluster version up, never down.
   * @throws ClusterVersionError when this build cannot work with it.
   */
  raiseClusterVersion(version: number): void {
    if (version <= this.#clusterVersion) return;
    checkFits(this.build.versions, version);
    this.#clusterVersion = version;
  }

  /**
   * Applies the payload of the `command` entry at `index`.
   * @throws DecodeError on what this build does not know, ClusterVersionError when the cluster leaves
   * it behind: the member must stop.
   */
  apply(payload: Uint8Array, index: number): Applied {
    const envelope = decodeCommand(payload, this.build.versions.highest);
    // No proposer asks what is too early; should one, those that know the command agree to refuse it.
    const tooOld = versionOf(payload) > this.#clusterVersion ? 'cluster_too_old' : undefined;
    const code = tooOld ?? staleRefusal(this.auth.state, envelope);
    if (code !== undefined) {
      // Not remembered: it may be asked again and allowed.
      const reply = { type: 'refused', code } as const;
      return { origin: envelope.origin, reply, revision: this.store.revision, events: nothing };
    }
    const { reply, events, revision = this.store.revision } = this.#runOnce(envelope, index);
    return { origin: envelope.origin, reply, revision, events };
  }

  /** Applies a `membership` entry to the table of members; Raft itself keeps who votes. */
  applyMembership(change: MembershipChange): void {
    for (const { action, member } of change.changes) {
      if (action === 'remove') this.members.remove(member);
      else if (action === 'addVoter') this.members.promoted(member);
    }
    if (change.context === '') return;
    // Written by the member that proposed the change, never by a user.
    const record = JSON.parse(change.context) as MemberRecord;
    if (this.members.get(record.memberId) === undefined) this.members.set(record);
  }

  #runOnce(envelope: Envelope, index: number): Ran {
    const { once } = envelope;
    if (once === undefined) return this.#run(envelope, index);
    const user = this.auth.state.enabled ? (envelope.asker?.user ?? '') : undefined;
    const known = this.replies.begin(once, index, user);
    if (known.outcome === 'replay') return { ...known, events: nothing };
    if (known.outcome === 'refused') {
      const { code, revision } = known;
      return { reply: { type: 'refused', code, revision }, events: nothing };
    }
    const ran = this.#run(envelope, index);
    this.replies.record(once, ran.reply, this.store.revision, replyBytes(ran.reply));
    return ran;
  }

  #run(envelope: Envelope, index: number): Ran {
    const { command } = envelope;
    const denied = leaseRefusal(this.auth.state, this.leases, envelope);
    if (denied !== undefined) return { reply: this.#refusal(denied), events: nothing };
    if (needsRoom(command) && this.alarms.has('nospace')) {
      return { reply: { type: 'refused', code: 'no_space' }, events: nothing };
    }
    switch (command.type) {
      case 'put':
      case 'deleteRange':
      case 'txn':
        return this.store.write((txn) => this.#write(command, txn));
      case 'leaseRevoke':
        return this.#revoke(this.leases.revoke(command.id));
      case 'leaseExpire':
        return this.#expire(command);
      default:
        return { reply: this.#change(command, envelope, index), events: nothing };
    }
  }

  #write(
    command: Extract<Command, { type: 'put' | 'deleteRange' | 'txn' }>,
    txn: Parameters<typeof runTxn>[1],
  ): Reply {
    if (command.type === 'put') {
      const refused = lonePutRefusal(this.store, command);
      if (refused !== undefined) return this.#refusal(refused);
      this.counts.puts++;
      return { type: 'put', ...runPut(this.store, txn, command) };
    }
    if (command.type === 'deleteRange') {
      this.counts.deletes++;
      return { type: 'deleteRange', ...runDeleteRange(txn, command) };
    }
    const outcome = runTxn(this.store, txn, command);
    if ('refused' in outcome) return this.#refusal(outcome.refused);
    this.counts.txn(outcome.reply);
    return { type: 'txn', ...outcome.reply };
  }

  #refusal(code: Refusal['code']): Refusal {
    if (code !== 'compacted') return { type: 'refused', code };
    return { type: 'refused', code, compactRevision: this.store.compactRevision };
  }

  /** Deletes the keys of a lease that is gone, at one revision. */
  #revoke(keys: readonly KeyValue['key'][] | undefined): Ran {
    if (keys === undefined) return { reply: this.#refusal('lease_not_found'), events: nothing };
    this.counts.leasesRevoked++;
    return this.store.write((txn): Reply => {
      for (const key of keys) txn.deleteRange({ key, rangeEnd: '' as KeyValue['key'] });
      return { type: 'done' };
    });
  }

  /** Each lease is a revision of its own, as if it had been revoked alone. */
  #expire(command: Extract<Command, { type: 'leaseExpire' }>): Ran {
    const events: KeyValue[] = [];
    for (const mark of command.marks) {
      const keys = this.leases.expire(mark);
      if (keys === undefined) continue;
      this.counts.leasesExpired++;
      for (const event of this.#revoke(keys).events) events.push(event);
    }
    return { reply: { type: 'done' }, events };
  }

  #change(
    command: Exclude<
      Command,
      { type: 'put' | 'deleteRange' | 'txn' | 'leaseRevoke' | 'leaseExpire' }
    >,
    { origin, asker }: Envelope,
    index: number,
  ): Reply {
    switch (command.type) {
      case 'compact': {
        const refused = this.store.compact(command.revision);
        return refused === undefined ? { type: 'done' } : this.#refusal(refused);
      }
      case 'leaseGrant': {
        const id = command.id === noLease ? this.#freeLeaseId(origin) : command.id;
        const record = this.leases.grant({ id, ttl: command.ttl, renewals: index });
        if (record === undefined) return this.#refusal('lease_exists');
        this.counts.leasesGranted++;
        return { type: 'leaseGrant', id, ttl: record.ttl };
      }
      case 'leaseRenew':
        return {
          type: 'leaseRenew',
          ttls: command.ids.map((id) => this.#renew(id)),
        };
      case 'leaseCheckpoint':
        for (const { mark, remaining } of command.checkpoints) {
          this.leases.checkpoint(mark, remaining);
        }
        return { type: 'done' };
      case 'registerClient': {
        const clientId = idOf(origin);
        this.replies.register(clientId, index, asker?.user);
        return { type: 'registerClient', clientId };
      }
      case 'raiseAlarm':
        this.alarms.raise({ memberId: command.memberId, alarm: command.alarm });
        return { type: 'done' };
      case 'clearAlarm':
        return { type: 'clearAlarm', alarms: this.#clear(command) };
      case 'hashCheck':
        this.hashCheck.begin(index);
        return { type: 'hashCheck', check: index };
      case 'hashReport': {
        this.#hashReport(command);
        return { type: 'done' };
      }
      case 'register': {
        const { type: _, ...record } = command;
        const isGone = this.members.get(record.memberId) === undefined;
        if (isGone && this.#clusterVersion >= promotionsSince) {
          // A removed id never returns: what it sent before it knew comes too late.
          return { type: 'register', refused: { registeredDirectory: '' } };
        }
        return { type: 'register', refused: this.members.register(record) };
      }
      case 'auth': {
        const refused = this.auth.apply(command.change);
        return refused === undefined ? { type: 'done' } : this.#refusal(refused);
      }
      case 'raiseClusterVersion':
        this.raiseClusterVersion(command.version);
        return { type: 'done' };
      default:
        return unreachable(command);
    }
  }

  #renew(id: LeaseId): number {
    const record = this.leases.renew(id);
    if (record === undefined) return 0;
    this.counts.leasesRenewed++;
    return record.ttl;
  }

  #hashReport(report: Extract<Command, { type: 'hashReport' }>): void {
    const members = this.#reporters();
    const differing = this.hashCheck.report(report, members);
    for (const memberId of differing) {
      if (this.alarms.raise({ memberId, alarm: 'corrupt' })) this.counts.hashMismatches++;
    }
    if (this.hashCheck.hasAgreed(report.check, members)) this.counts.hashChecksPassed++;
  }

  /** Who takes part in a comparison of states: one that was added and never started reports nothing. */
  #reporters(): string[] {
    const started = this.members
      .list()
      .filter(({ name }) => name !== '' || this.#clusterVersion < promotionsSince);
    return started.map(({ memberId }) => memberId);
  }

  #clear(command: Extract<Command, { type: 'clearAlarm' }>): readonly Alarm[] {
    return this.alarms.clear({
      memberId: command.memberId === '' ? undefined : command.memberId,
      alarm: command.alarm === '' ? undefined : command.alarm,
    });
  }

  /** Made from the proposal's number, which no other has; a caller may have taken it for itself. */
  #freeLeaseId(origin: Origin): LeaseId {
    let id = BigInt(idOf(origin));
    while (id === 0n || this.leases.has(String(id))) id++;
    return String(id);
  }

  /** Everything, as of now, in constant time: what a snapshot is written from while writes go on. Must be released. */
  image(): MachineImage {
    return new MachineImage({
      clusterVersion: this.#clusterVersion,
      store: this.store.view(),
      leases: this.leases.view(),
      replies: this.replies.view(),
      members: this.members.list(),
      alarms: this.alarms.list(),
      hashCheck: this.hashCheck.view(),
      auth: this.auth.state,
    });
  }

  /** A checksum of the whole state: equal on all members at equal applied index. Walks everything. */
  hash(): number {
    const image = this.image();
    let hash = 0;
    for (const chunk of image.chunks()) hash = crc32c(chunk, 0, chunk.length, hash);
    return hash;
  }

  /** Collects the chunks of an image, one at a time, into a new machine. */
  static restorer(build = thisBuild): MachineRestorer {
    return new MachineRestorer(new Machine([], build));
  }
}

/** 62 bits: the life of the member that proposed, and the number of the proposal in it. */
function idOf(origin: Origin): string {
  const life = BigInt(origin.incarnation) & 0x3fff_ffffn;
  return String((life << 32n) | (BigInt(origin.sequence) & 0xffff_ffffn));
}
