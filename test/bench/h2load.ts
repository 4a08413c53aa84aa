import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Driver } from './driver-process.ts';
import { etcdPaths } from './drivers/callers.ts';
import type { DriverReport, Endpoint, Window } from './model.ts';
import { adopt } from './processes.ts';
import { grpcMessage, putRequest, rangeRequest } from './protobuf.ts';
import { Samples } from './statistics.ts';
import { keyOf, value } from './workload.ts';

/** What h2load is asked to send. */
export interface H2loadPlan {
  readonly http: '1.1' | '2';
  readonly operation: 'put' | 'get';
  readonly path: string;
  readonly headers: readonly string[];
  readonly body: Buffer;
  /** The fewest bytes of body that an answer with a result can have. */
  readonly answerBytesMin: number;
}

/** One put or get of key 0 as etcd's gRPC service takes it. */
export function etcdPlan(operation: 'put' | 'get'): H2loadPlan {
  const key = keyOf(0);
  const isPut = operation === 'put';
  return {
    http: '2',
    operation,
    path: etcdPaths[operation],
    headers: ['content-type: application/grpc', 'te: trailers'],
    body: grpcMessage(isPut ? putRequest(key, value) : rangeRequest(key)),
    answerBytesMin: isPut ? grpcMessage(Buffer.alloc(1)).length : key.length + value.length,
  };
}

/** The same put or get through Lockstep's HTTP door. */
export function lockstepHttpPlan(operation: 'put' | 'get'): H2loadPlan {
  const key = keyOf(0);
  const isPut = operation === 'put';
  return {
    http: '1.1',
    operation,
    path: isPut ? '/v1/kv.put' : '/v1/kv.range',
    headers: ['content-type: application/json'],
    body: Buffer.from(JSON.stringify(isPut ? { key, value } : { key })),
    answerBytesMin: isPut ? '{"header":{}}'.length : key.length + value.length,
  };
}

interface Finished {
  readonly output: string;
  readonly exitCode: number | null;
}

/**
 * Starts one h2load per address, each with its share of the connections, for `seconds`.
 * @param endpoints one connection to each; an address may stand here many times.
 * @param scratch a directory for the request body and h2load's log of every request.
 */
export function startH2load(
  plan: H2loadPlan,
  endpoints: readonly Endpoint[],
  inFlight: number,
  seconds: number,
  scratch: string,
): Driver {
  const bodyFile = join(scratch, 'request-body');
  writeFileSync(bodyFile, plan.body);
  const shares = new Map<string, number>();
  for (const { host, port } of endpoints) {
    const url = `http://${host}:${port}${plan.path}`;
    shares.set(url, (shares.get(url) ?? 0) + 1);
  }
  const children: ChildProcess[] = [];
  const logs: string[] = [];
  const ends = [...shares].map(([url, connections], index) => {
    const log = join(scratch, `requests-${index}.log`);
    logs.push(log);
    const child = spawn('h2load', [
      ...(plan.http === '1.1' ? ['--h1'] : []),
      ...['-D', `${Math.round(seconds * 1000)}ms`, '-t', '1'],
      ...['-c', String(connections), '-m', String(inFlight)],
      ...['-d', bodyFile, '--log-file', log],
      ...plan.headers.flatMap((header) => ['-H', header]),
      url,
    ]);
    adopt(child);
    children.push(child);
    return finished(child);
  });
  return {
    pids: children.map((child) => child.pid ?? -1),
    async stop(window) {
      const results = await Promise.all(ends);
      for (const { output, exitCode } of results) verify(plan, output, exitCode);
      return report(plan, logs, window, endpoints.length * inFlight);
    },
  };
}

async function finished(child: ChildProcess): Promise<Finished> {
  let output = '';
  child.stdout?.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    output += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ output, exitCode }));
  });
}

/**
 * h2load sees HTTP 200 even when gRPC's trailers say that the call failed; such an answer has no
 * body, so the bytes received give it away. (Puts are also counted by the store's revision.)
 */
function verify(plan: H2loadPlan, output: string, exitCode: number | null): void {
  const counts = /(\d+) succeeded, (\d+) failed, (\d+) errored/.exec(output);
  const data = /headers \([^)]*\), [^ ]+ \((\d+)\) data/.exec(output);
  if (exitCode !== 0 || counts === null || data === null) {
    throw new Error(`h2load ended with code ${exitCode}:\n${output.slice(-1_000)}`);
  }
  const [, succeeded, failed] = counts.map(Number);
  if (failed !== 0) throw new Error(`h2load: ${failed} requests were refused`);
  if (Number(data[1]) < (succeeded ?? 0) * plan.answerBytesMin) {
    throw new Error('h2load: answers were too short to hold results, so calls failed');
  }
}

/** Reads h2load's log: start in microseconds since 1970, HTTP status, duration in microseconds. */
function report(
  plan: H2loadPlan,
  logs: readonly string[],
  window: Window,
  underWayMax: number,
): DriverReport {
  const samples = new Samples();
  let answered = 0;
  for (const log of logs) {
    for (const line of readFileSync(log, 'latin1').split('\n')) {
      const [startMicros, status, durationMicros] = line.split('\t').map(Number);
      if (status !== 200 || startMicros === undefined || durationMicros === undefined) continue;
      samples.add((startMicros + durationMicros) / 1000, durationMicros / 1000);
      answered++;
    }
  }
  const { count, p50Ms, p99Ms } = samples.within(window);
  const isPut = plan.operation === 'put';
  return {
    operations: count,
    p50Ms,
    p99Ms,
    answeredPuts: isPut ? answered : 0,
    unansweredPuts: isPut ? underWayMax : 0,
  };
}
