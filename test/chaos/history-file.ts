import { closeSync, createReadStream, openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import {
  History,
  type Operation,
  type WatcherRecord,
  type WatchSession,
} from '../checkers/history.ts';
import type { MemberState } from './final-state.ts';

/** A history with what the members held at its end. */
export interface Recording {
  readonly seed: number;
  readonly history: History;
  readonly states: readonly MemberState[];
}

type Line =
  | { readonly kind: 'run'; readonly seed: number }
  | { readonly kind: 'operation'; readonly operation: Operation }
  | { readonly kind: 'watcher'; readonly watcher: Omit<WatcherRecord, 'sessions'> }
  /** Of the watcher before it. */
  | { readonly kind: 'session'; readonly session: WatchSession }
  | { readonly kind: 'harm'; readonly harm: History['harms'][number] }
  | { readonly kind: 'state'; readonly state: MemberState };

const chunkCharacters = 1024 * 1024;

/** Writes it as JSON, one thing a line. */
export function writeRecording(file: string, recording: Recording): void {
  const descriptor = openSync(file, 'w');
  try {
    let chunk = '';
    for (const line of linesOf(recording)) {
      chunk += `${JSON.stringify(line)}\n`;
      if (chunk.length < chunkCharacters) continue;
      writeSync(descriptor, chunk);
      chunk = '';
    }
    writeSync(descriptor, chunk);
  } finally {
    closeSync(descriptor);
  }
}

function* linesOf({ seed, history, states }: Recording): Generator<Line> {
  yield { kind: 'run', seed };
  for (const harm of history.harms) yield { kind: 'harm', harm };
  for (const operation of history.operations) yield { kind: 'operation', operation };
  for (const { sessions, ...watcher } of history.watchers) {
    yield { kind: 'watcher', watcher };
    for (const session of sessions) yield { kind: 'session', session };
  }
  for (const state of states) yield { kind: 'state', state };
}

/** @throws Error naming the first line that is none of a history. */
export async function readRecording(file: string): Promise<Recording> {
  const history = new History();
  const states: MemberState[] = [];
  let seed = 0;
  let number = 0;
  for await (const text of createInterface({
    input: createReadStream(file),
    crlfDelay: Infinity,
  })) {
    number++;
    const line = parse(text, `${file}:${number}`);
    switch (line.kind) {
      case 'run':
        seed = line.seed;
        break;
      case 'harm':
        history.harm(line.harm.at, line.harm.what);
        break;
      case 'operation': {
        // JSON has no infinity, which an unknown outcome returned at.
        const returnedAt = line.operation.returnedAt ?? Number.POSITIVE_INFINITY;
        history.operations.push({ ...line.operation, returnedAt });
        break;
      }
      case 'watcher':
        history.watcher(line.watcher);
        break;
      case 'session':
        history.watchers.at(-1)?.sessions.push(line.session);
        break;
      case 'state':
        states.push(line.state);
    }
  }
  if (number === 0)
    throw new Error(`${file} is empty: it must be a history that a run has written`);
  return { seed, history, states };
}

const kinds: readonly string[] = ['run', 'operation', 'watcher', 'session', 'harm', 'state'];

function parse(text: string, where: string): Line {
  try {
    const line: unknown = JSON.parse(text);
    const isLine = typeof line === 'object' && line !== null && 'kind' in line;
    // What is in it was written by this file.
    if (isLine && kinds.includes(String(line.kind))) return line as Line;
  } catch {
    // Said below.
  }
  throw new Error(`${where}: this is no line of a history: ${text.slice(0, 80)}`);
}
