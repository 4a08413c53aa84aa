import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

/** One line of JSON per event; nesting 0 is a file, deeper is what the file declares. */
export interface Line {
  readonly type: 'begin' | 'pass' | 'fail';
  readonly nesting: number;
  readonly name: string;
  /** A describe block, which is no test of its own. */
  readonly suite: boolean;
  readonly ms: number;
  /** The reason, which may be empty. */
  readonly skipped?: string;
  readonly todo?: true;
  readonly error?: string;
  /** It fails for no other reason than that something inside it did. */
  readonly inherited?: true;
}

/** A reporter of node:test that writes for another program to read. */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    const line = toLine(event);
    if (line !== undefined) yield `${JSON.stringify(line)}\n`;
  }
}

function toLine(event: TestEvent): Line | undefined {
  if (event.type === 'test:dequeue') {
    const { name, nesting } = event.data;
    return { type: 'begin', nesting, name, suite: false, ms: 0 };
  }
  if (event.type !== 'test:pass' && event.type !== 'test:fail') return undefined;
  const { name, nesting, details, skip, todo } = event.data;
  return {
    type: event.type === 'test:pass' ? 'pass' : 'fail',
    nesting,
    name,
    suite: details.type === 'suite',
    ms: details.duration_ms,
    ...(skip === undefined || skip === false ? {} : { skipped: skip === true ? '' : skip }),
    ...(todo === undefined || todo === false ? {} : { todo: true }),
    ...('error' in details ? cause(details.error) : {}),
  };
}

/** node:test wraps what a test threw; `failureType` is its own word for why a test failed. */
function cause(error: Error): Pick<Line, 'error' | 'inherited'> {
  const inherited = 'failureType' in error && error.failureType === 'subtestsFailed';
  const thrown = error.cause ?? error;
  return {
    error: typeof thrown === 'string' ? thrown : inspect(thrown),
    ...(inherited ? { inherited } : {}),
  };
}
