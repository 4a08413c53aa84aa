import { formOf } from './key-space.ts';
import type { Answer, Operation, Request, Txn, WatchLog } from './model.ts';
import { requiredReach } from './required.ts';
import { operationsOf } from './txn-generator.ts';

/** What the requests and answers of a comparison were, counted; by etcd's answers. */
export class Reach {
  readonly #counts = new Map<string, number>();

  count(name: string, times = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + times);
  }

  /** What a comparison must have met to be worth something, and did not. */
  get missing(): readonly string[] {
    return requiredReach.filter((name) => !this.#counts.has(name));
  }

  request(request: Request, answer: Answer | undefined): void {
    this.count(`call ${request.kind}`);
    if (answer === undefined) return;
    if (answer.kind === 'refused') {
      this.count(`error ${request.kind}: ${answer.text}`);
      return;
    }
    switch (request.kind) {
      case 'txn':
        this.#txn(request);
        this.#operation('', request, answer);
        break;
      case 'range':
      case 'put':
      case 'deleteRange':
        this.#operation('', request, answer);
        break;
      case 'watch':
        this.count(`watch of ${formOf(request)}`);
        this.#flags('watch', request);
        break;
      case 'keepAlive':
        if (answer.kind === 'keepAlive' && answer.ttl === 0) this.count('keepAlive of no lease');
        break;
      case 'timeToLive':
        if (answer.kind !== 'timeToLive') break;
        if (answer.ttl < 0) this.count('timeToLive of no lease');
        if (answer.keys.length > 0) this.count('timeToLive with keys');
        break;
      case 'grant':
        if (answer.kind === 'grant' && answer.ttl !== request.ttl) this.count('grant at the floor');
        if (request.ttl === 9_000_000_000) this.count('grant of the longest TTL');
        break;
    }
  }

  #txn(txn: Txn): void {
    for (const each of [txn, ...operationsOf(txn)]) {
      if (each.kind !== 'txn') continue;
      for (const { target, operator } of each.compare) this.count(`compare ${target} ${operator}`);
      if (each.compare.some(({ rangeEnd }) => rangeEnd !== '')) this.count('compare over a range');
    }
    this.count(`txn of depth ${depthOf(txn)}`);
    if (operationsOf(txn).length > 100) this.count('txn with as many operations as may be');
  }

  #operation(where: string, operation: Operation, answer: Answer): void {
    const { kind } = operation;
    if (kind !== 'put' && kind !== 'txn') this.count(`${where}${kind} of ${formOf(operation)}`);
    if (where !== '') this.count(`${where}${kind}`);
    this.#flags(`${where}${kind}`, operation);
    if (answer.kind === 'range') {
      if (answer.more) this.count(`${where}range with more`);
      if (answer.kvs.length > 1) this.count(`${where}range of several pairs`);
    } else if (answer.kind === 'put') {
      if (answer.prevKv !== undefined) this.count(`${where}put with a pair before`);
    } else if (answer.kind === 'deleteRange') {
      this.count(`${where}deleteRange ${answer.deleted === 0 ? 'of nothing' : 'of something'}`);
      if (answer.prevKvs.length > 0) this.count(`${where}deleteRange with pairs before`);
    } else if (answer.kind === 'txn' && kind === 'txn') {
      this.count(`${where}txn ${answer.succeeded ? 'succeeded' : 'failed'}`);
      const run = answer.succeeded ? operation.success : operation.failure;
      for (const [at, inner] of run.entries()) {
        const result = answer.results[at];
        if (result !== undefined) this.#operation('txn: ', inner, result);
      }
    }
  }

  #flags(where: string, request: Request): void {
    if (
      request.kind === 'range' &&
      (request.sortOrder !== 'none' || request.sortTarget !== 'key')
    ) {
      this.count(`${where} sorted by ${request.sortTarget} ${request.sortOrder}`);
    }
    for (const [name, value] of Object.entries(request)) {
      if (/^(kind|key|rangeEnd|watch|value|sort.*)$/.test(name) || typeof value === 'object')
        continue;
      if (value !== 0 && value !== false && value !== '0') this.count(`${where} with ${name}`);
    }
  }

  watch(log: WatchLog): void {
    for (const { events } of log.revisions) {
      if (events.length > 1) this.count('watch: revisions of several events');
      for (const { type, prevKv } of events) {
        this.count(`watch: events of a ${type}`);
        if (prevKv !== undefined) this.count(`watch: events of a ${type} with a pair before`);
      }
    }
  }

  table(): string {
    const rows = [...this.#counts].sort(([one], [other]) => (one < other ? -1 : 1));
    return rows.map(([name, count]) => `${`${count}`.padStart(7)}  ${name}`).join('\n');
  }
}

function depthOf(txn: Txn): number {
  const inner = [...txn.success, ...txn.failure].map((each) =>
    each.kind === 'txn' ? depthOf(each) : 0,
  );
  return 1 + Math.max(0, ...inner);
}
