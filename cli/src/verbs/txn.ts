import type {
  Compare,
  DeleteOutcome,
  Operations,
  PutOutcome,
  RangeOutcome,
  TxnOutcome,
} from '@lockstep/client';
import { UsageError } from '../failure.ts';
import { type Context, print } from '../io.ts';
import { deleted, found, json, lines, refuseTable, written } from '../output.ts';
import { withClient } from '../session.ts';
import { parseCompare, parseStep, type Step } from '../txn-lines.ts';

export interface TxnOptions {
  readonly interactive?: boolean;
}

/** `txn`: conditions, operations if they hold and operations if not, each section ended by an empty line. */
export async function txn(context: Context, options: TxnOptions): Promise<number> {
  refuseTable(context, 'txn');
  const { io, output } = context;
  const input = new Sections(context, options.interactive ?? false);
  const compare: Compare[] = await input.section('compares', parseCompare);
  const success: Step[] = await input.section('success requests (get, put, del)', parseStep);
  const failure: Step[] = await input.section('failure requests (get, put, del)', parseStep);
  return withClient(context, async (client) => {
    const reply = await client.txn({
      compare,
      success: operationsOf(success),
      failure: operationsOf(failure),
    });
    const steps = reply.succeeded ? success : failure;
    if (output === 'json') {
      const results = steps.map(({ name }, at) => ({ [name]: reply.results[at] }));
      await print(io, json({ ...reply, results }));
      return 0;
    }
    await print(io, reply.succeeded ? 'SUCCESS\n' : 'FAILURE\n');
    for (const [at, step] of steps.entries()) {
      await print(io, Buffer.concat([lines(['']), answer(step, reply, at)]));
    }
    return 0;
  });
}

function operationsOf(steps: readonly Step[]): Operations {
  return steps.map(({ operation }) => operation);
}

function answer(
  step: Step,
  { results }: TxnOutcome<Operations, Operations>,
  at: number,
): Uint8Array {
  // The result in this place was made by the operation of this step.
  const result: unknown = results[at];
  if (step.name === 'put') return written(result as PutOutcome);
  if (step.name === 'deleteRange') return deleted(result as DeleteOutcome);
  return found(result as RangeOutcome, step.options);
}

/** Standard input as sections of lines, each of which is prompted for, if asked to, before it is read. */
class Sections {
  readonly #context: Context;
  readonly #prompts: boolean;
  readonly #lines: AsyncGenerator<string, void, undefined>;
  #count = 0;

  constructor(context: Context, prompts: boolean) {
    this.#context = context;
    this.#prompts = prompts;
    this.#lines = textLines(context.io.stdin);
  }

  async section<Row>(name: string, parse: (line: string) => Row): Promise<Row[]> {
    if (this.#prompts) await print(this.#context.io, `${name}:\n`);
    const rows: Row[] = [];
    for (;;) {
      this.#count++;
      const next = await this.#lines.next();
      if (next.done === true) {
        throw new UsageError(
          `the input ended within the ${name}: end each of the three sections (compares, success requests, failure requests) with an empty line`,
        );
      }
      const line = next.value.trim();
      if (line === '') return rows;
      try {
        rows.push(parse(line));
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        throw new UsageError(`line ${this.#count}: ${error.message}`);
      }
    }
  }
}

/** Each line that is ended by a newline, and the last one if it is not empty. */
async function* textLines(
  stdin: AsyncIterable<Uint8Array | string>,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  for await (const chunk of stdin) {
    rest += decoded(() => decoder.decode(Buffer.from(chunk), { stream: true }));
    const whole = rest.split('\n');
    rest = whole.pop() ?? '';
    yield* whole;
  }
  rest += decoded(() => decoder.decode());
  if (rest !== '') yield rest;
}

function decoded(decode: () => string): string {
  try {
    return decode();
  } catch {
    throw new UsageError('the input is not UTF-8 text; write other bytes as "\\xff", in quotes');
  }
}
