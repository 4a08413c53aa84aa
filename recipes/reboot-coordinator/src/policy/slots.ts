import { PolicyError } from './fault.ts';
import {
  type Failure,
  type FailureRecord,
  type Grant,
  type HistoryKind,
  type HostRecord,
  type HostState,
  type Order,
  policyDefaults,
  type RebootRequest,
} from './records.ts';

/** One step of a host, to be written in one transaction if its record has not changed meanwhile. */
export interface Step {
  readonly record: HostRecord;
  /** The row in the history; without one, the step is not worth it. */
  readonly kind?: HistoryKind;
  readonly reason?: string;
  /** What counts for the breakers from now on. */
  readonly failure?: FailureRecord;
  /** The slot that this step gives back. */
  readonly releases?: Grant;
}

/** What is known of a host before it asks for anything. */
export interface HostFacts {
  readonly id: string;
  readonly group: string;
  readonly via: HostRecord['via'];
  readonly zone?: string;
  readonly name?: string;
  readonly bootId?: string;
  readonly version?: string;
  readonly member?: string;
  readonly credential?: string;
}

/**
 * The host says who it is. One that holds a slot keeps its group and zone until the slot is released, so the slot
 * counts where it was granted.
 */
export function registered(record: HostRecord | undefined, facts: HostFacts, at: number): Step {
  if (record === undefined) return { record: { ...facts, state: 'idle', since: at } };
  if (record.credential !== undefined && facts.credential !== record.credential) {
    throw new PolicyError(
      `the id ${record.id} belongs to another machine: if this one replaces it, lockstep reboot decommission ${record.id}`,
    );
  }
  const { zone: _, name: __, member: ___, ...kept } = record;
  const placed = record.grant === undefined ? facts : { group: record.group, ...zoneOf(record) };
  const next = { ...kept, ...facts, ...placed };
  const rebooted = record.bootId !== undefined && facts.bootId !== record.bootId;
  if (!rebooted || facts.bootId === undefined || isExpected(record)) return { record: next };
  return { record: next, kind: 'unplanned reboot', reason: 'it has another boot id' };
}

function zoneOf({ zone }: HostRecord): { readonly zone?: string } {
  return zone === undefined ? {} : { zone };
}

function isExpected({ grant, state }: HostRecord): boolean {
  return grant !== undefined && state !== 'granted';
}

/** The host asks for a reboot. Asking again keeps its place in line, and its slot. */
export function asked(
  record: HostRecord,
  wish: Pick<RebootRequest, 'reason' | 'target'>,
  at: number,
): Step | undefined {
  if (record.grant !== undefined) return undefined;
  const { target, reason } = wish;
  const request: RebootRequest = {
    at,
    reason,
    isAsking: true,
    ...(target === undefined ? {} : { target }),
  };
  const cause = causeOf(request);
  const loop = record.loop?.cause === cause ? record.loop : { cause, boots: 0 };
  if (record.state !== 'waiting' || record.request === undefined) {
    const { failure, ...rest } = record;
    return {
      record: { ...rest, state: 'waiting', since: at, request: late(request, failure), loop },
    };
  }
  const was = record.request;
  if (was.reason === reason && was.target === target && was.isAsking) return undefined;
  const { target: _, ...kept } = was;
  const again = { ...kept, ...request, at: was.at };
  return { record: { ...record, request: again, loop } };
}

/** A host that failed waits for a while, or it would open the breaker of its group alone, within seconds. */
function late(request: RebootRequest, failure: Failure | undefined): RebootRequest {
  if (failure === undefined) return request;
  const notBefore = failure.at + policyDefaults.retryAfterMs;
  return { ...request, notBefore, gaveBack: `it failed: ${failure.reason}` };
}

/** What a host gives as its reason when somebody ordered it. */
export function orderedReason({ by, reason }: Order): string {
  return `ordered by ${by}${reason === '' ? '' : `: ${reason}`}`;
}

/**
 * The step with the host's place in line: a record that says nothing of it stands where it was written, so one that is written
 * again while it waits has to say where that was.
 */
export function inPlace(was: HostRecord | undefined, revision: number, step: Step): Step {
  const { record } = step;
  const { request } = record;
  if (was?.state !== 'waiting' || record.state !== 'waiting' || request === undefined) return step;
  return {
    ...step,
    record: { ...record, request: { ...request, place: request.place ?? revision } },
  };
}

/** What a reboot is for, by which a host that reboots again and again for the same is known. */
export function causeOf({ target, reason }: RebootRequest): string {
  return target ?? reason;
}

/** Nobody waits for the answer at the moment; the place in line is kept. */
export function hungUp(record: HostRecord): Step | undefined {
  const { request, state } = record;
  if (state !== 'waiting' || request === undefined || !request.isAsking) return undefined;
  return { record: { ...record, request: { ...request, isAsking: false } } };
}

/** No reboot is needed, or no longer. */
export function settled(record: HostRecord, at: number): Step | undefined {
  const { loop, request, ...rest } = record;
  if (record.grant !== undefined) return undefined;
  if (record.state === 'waiting') return { record: { ...rest, state: 'idle', since: at } };
  return loop === undefined ? undefined : { record: rest };
}

/** @throws PolicyError when the host does not wait. */
export function granted(record: HostRecord, grant: Grant): Step {
  demand(record, ['waiting']);
  const { failure: _, overdueIn: __, ...rest } = record;
  const held: Grant = {
    ...grant,
    ...(record.bootId === undefined ? {} : { bootId: record.bootId }),
    ...(record.version === undefined ? {} : { version: record.version }),
  };
  return { record: { ...rest, state: 'granted', since: grant.at, grant: held }, kind: 'granted' };
}

/**
 * The slot goes back before anything happened with it, and the host to the end of the line.
 * @throws PolicyError when it is another slot, or the reboot has begun.
 */
export function gaveBack(record: HostRecord, back: GivenBack): Step {
  const grant = demandGrant(record, back.grant, ['granted', 'draining']);
  const { grant: _, request, ...rest } = record;
  const { place: __, ...kept } = request ?? { at: back.at, reason: '' };
  const waiting = {
    ...kept,
    isAsking: back.isAsking,
    notBefore: back.notBefore,
    gaveBack: back.reason,
  };
  return {
    record: { ...rest, state: 'waiting', since: back.at, request: waiting },
    kind: 'given back',
    reason: back.reason,
    releases: grant,
  };
}

export interface GivenBack {
  readonly grant: string;
  readonly at: number;
  readonly reason: string;
  /** Others go first until then. */
  readonly notBefore: number;
  readonly isAsking: boolean;
}

/** @throws PolicyError when the slot is another, or it is too late to begin. */
export function begun(record: HostRecord, grantId: string, at: number): Step {
  const grant = demandGrant(record, grantId, ['granted']);
  if (at > grant.startBy) throw new PolicyError('the grant was to be used sooner');
  return { record: { ...record, state: 'draining', since: at }, kind: 'draining' };
}

/**
 * The host goes down now: the last question before the reboot.
 * @throws PolicyError when the slot is another, or the window has ended.
 */
export function leaving(record: HostRecord, grantId: string, at: number): Step {
  const grant = demandGrant(record, grantId, ['granted', 'draining']);
  const by = record.state === 'granted' ? grant.startBy : grant.rebootBy;
  if (by !== undefined && at > by) throw new PolicyError('the time for this reboot is over');
  return { record: { ...record, state: 'rebooting', since: at }, kind: 'rebooting' };
}

export interface Return {
  readonly grant: string;
  readonly at: number;
  readonly bootId: string;
  readonly version: string;
}

/** The host is back from a reboot. @throws PolicyError when the slot is another, or the boot the same. */
export function returned(record: HostRecord, { grant: id, at, bootId, version }: Return): Step {
  const grant = demandGrant(record, id, ['granted', 'draining', 'rebooting', 'overdue']);
  if (bootId === grant.bootId) throw new PolicyError('it is still the same boot');
  const { loop, ...rest } = record;
  const counted = loop === undefined ? {} : { loop: { ...loop, boots: loop.boots + 1 } };
  const boot = { ...rest, ...counted, bootId, version };
  // A host that is late stays overdue until it is known to serve.
  if (record.state === 'overdue') {
    return {
      record: { ...boot, overdueIn: 'verifying' },
      kind: 'verifying',
      reason: 'back, and late',
    };
  }
  return { record: { ...boot, state: 'verifying', since: at }, kind: 'verifying' };
}

/** The host is in service again: its slot is free. @throws PolicyError when the slot is another. */
export function finished(record: HostRecord, grantId: string, at: number): Step {
  const grant = demandGrant(record, grantId, holding);
  const { grant: _, overdueIn: __, request: ___, ...rest } = record;
  return { record: { ...rest, state: 'done', since: at }, kind: 'done', releases: grant };
}

export interface Failed {
  readonly grant: string;
  readonly at: number;
  readonly reason: string;
  /** Whether it serves all the same, as after a rollback; only then its slot is free. */
  readonly isInService: boolean;
}

/** @throws PolicyError when the slot is another. */
export function failed(record: HostRecord, what: Failed): Step {
  const grant = demandGrant(record, what.grant, holding);
  const { at, reason, isInService } = what;
  const { grant: _, overdueIn: __, request, ...rest } = record;
  const failure = failureOf(record, reason, at);
  const slot = isInService ? {} : { grant, ...(request === undefined ? {} : { request }) };
  return {
    record: { ...rest, ...slot, state: 'failed', since: at, failure },
    kind: 'failed',
    reason,
    failure: { ...failure, host: record.id, group: record.group },
    ...(isInService ? { releases: grant } : {}),
  };
}

/** The host is not back in time: it keeps its slot, and counts as a failure. */
export function overdue(record: HostRecord, at: number): Step {
  demand(record, ['draining', 'rebooting', 'verifying']);
  const reason = `not back in time: ${record.state} since ${new Date(record.since).toISOString()}`;
  const failure = failureOf(record, reason, at);
  return {
    record: { ...record, state: 'overdue', since: at, overdueIn: record.state, failure },
    kind: 'overdue',
    reason,
    failure: { ...failure, host: record.id, group: record.group },
  };
}

function failureOf({ request, version }: HostRecord, reason: string, at: number) {
  const about = request?.target ?? version;
  return { at, reason, ...(about === undefined ? {} : { version: about }) };
}

/** The host has been given its work again, after a slot that was taken away. */
export function undrained({ isDrained: _, ...record }: HostRecord): Step {
  return { record };
}

/** An operator takes the slot away. @throws PolicyError when the host holds none. */
export function released(record: HostRecord, at: number, reason: string): Step {
  const { grant, request: _, overdueIn: __, ...rest } = record;
  if (grant === undefined) {
    throw new PolicyError(`${record.id} holds no slot: it is ${record.state}`);
  }
  return {
    // Whether it was drained is for its agent to know, which may not be there now.
    record: {
      ...rest,
      state: 'idle',
      since: at,
      ...(record.via === 'agent' && { isDrained: true }),
    },
    kind: 'released',
    reason,
    releases: grant,
  };
}

const holding: readonly HostState[] = [
  'granted',
  'draining',
  'rebooting',
  'verifying',
  'overdue',
  'failed',
];

function demand(record: HostRecord, states: readonly HostState[]): void {
  if (states.includes(record.state)) return;
  throw new PolicyError(`${record.id} is ${record.state}, and not ${states.join(' or ')}`);
}

function demandGrant(record: HostRecord, id: string, states: readonly HostState[]): Grant {
  const { grant } = record;
  if (grant === undefined) throw new PolicyError(`${record.id} holds no slot`);
  if (grant.id !== id) {
    throw new PolicyError(`${record.id} holds the slot ${grant.id}, and not ${id}`);
  }
  demand(record, states);
  return grant;
}
