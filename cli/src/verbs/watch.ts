import type { Client, WatchItem, WatchRequest } from '@lockstep/client';
import { EventCommand } from '../event-command.ts';
import { exitCodes, UsageError } from '../failure.ts';
import { type Context, print, type StopSignal, warn } from '../io.ts';
import { json, refuseTable } from '../output.ts';
import { printable } from '../printable.ts';
import { type SelectionOptions, selection, wholeNumber } from '../selection.ts';
import { withClient } from '../session.ts';
import { watchLines } from '../watch-lines.ts';
import type { WatchWords } from '../watch-words.ts';

export interface WatchOptions extends SelectionOptions {
  readonly rev?: string;
  readonly prevKv?: boolean;
  readonly keysOnly?: boolean;
  readonly progressNotify?: boolean;
  readonly filter?: 'noput' | 'nodelete';
  /** Further keys. */
  readonly also?: readonly string[];
  readonly exitOnError?: boolean;
}

/** `watch KEY [RANGE_END] [-- CMD]`: prints events, or runs a command for each, until Ctrl-C. */
export async function watch(
  context: Context,
  words: WatchWords,
  options: WatchOptions,
): Promise<number> {
  refuseTable(context, 'watch');
  const { key, rangeEnd, command } = words;
  if (command === undefined) refuseWithoutCommand(options);
  else refuseWithCommand(context, options);
  const { prevKv = false, keysOnly = false, progressNotify = false } = options;
  const { filter, also = [] } = options;
  const request: WatchRequest = {
    ranges: [
      selection(key, rangeEnd, options),
      ...also.map((further) => selection(further, undefined, options)),
    ],
    startRevision: wholeNumber(options.rev, '--rev'),
    ...{ prevKv, keysOnly, noPut: filter === 'noput', noDelete: filter === 'nodelete' },
    // Without it, compaction may overtake a watch to which nothing happens.
    progressNotify: progressNotify || command !== undefined,
  };
  if (command !== undefined) return runForEach(context, command, request, options);
  return untilStopped(context, async (client, signal) => {
    // A watch waits for a member for ever; the first one should be there, or be missed aloud.
    await client.status(undefined, { signal });
    await printEvents(context, client, { ...request, signal }, progressNotify);
    return exitCodes.ok;
  });
}

function refuseWithoutCommand({ exitOnError = false }: WatchOptions): void {
  if (exitOnError) {
    throw new UsageError('--exit-on-error is about a command: give one after "--"');
  }
}

function refuseWithCommand({ output }: Context, options: WatchOptions): void {
  const printing = [
    ...(output === 'json' ? ['--output json'] : []),
    ...(options.progressNotify === true ? ['--progress-notify'] : []),
  ];
  if (printing.length === 0) return;
  throw new UsageError(`${printing[0]} and a command exclude each other: a command prints itself`);
}

/** Runs `use` with a client; Ctrl-C aborts the signal, which is a good end. */
export async function untilStopped(
  context: Context,
  use: (client: Client, signal: AbortSignal) => Promise<number>,
  onSignal: (signal: StopSignal) => void = () => {},
): Promise<number> {
  const stop = new AbortController();
  const release = context.io.onStop((signal) => {
    onSignal(signal);
    stop.abort();
  });
  try {
    return await withClient(
      context,
      (client) => {
        // It ends with the client.
        tellOfLosses(context, client).catch(() => {});
        return use(client, stop.signal);
      },
      { learnEndpoints: true },
    );
  } catch (error) {
    if (stop.signal.aborted) return exitCodes.ok;
    throw error;
  } finally {
    release();
  }
}

/** A watch without a member looks like one to which nothing happens, so it is said which it is. */
async function tellOfLosses({ io }: Context, client: Client): Promise<void> {
  let lost: boolean | undefined;
  for await (const { state, endpoint, reason } of client.connections()) {
    if (state === 'connected') {
      if (lost === true) warn(io, `connected again, to ${endpoint}`);
      lost = false;
    } else if (state === 'connecting' && lost === false) {
      lost = true;
      warn(
        io,
        `the member is gone (${reason}); it goes on when one answers, and nothing is missed`,
      );
    }
  }
}

/** Prints the events of a watch until its signal aborts it, and if asked to, how far it is. */
export async function printEvents(
  { io, output }: Context,
  client: Client,
  request: WatchRequest,
  withProgress = false,
): Promise<void> {
  const { keysOnly = false } = request;
  for await (const item of items(client, request)) {
    const { type, revision } = item;
    if (type === 'events') {
      const { events } = item;
      await print(
        io,
        output === 'json' ? json({ revision, events }) : watchLines(io, item, keysOnly),
      );
    } else if (type === 'progress' && withProgress) {
      const text = `progress notify: ${revision}\n`;
      await print(io, output === 'json' ? json({ progress: revision }) : text);
    }
  }
}

function items(client: Client, request: WatchRequest): AsyncIterable<WatchItem> {
  return client.watch(request).items();
}

/**
 * Runs a command for each event, one at a time and in order. Meanwhile further events wait at the
 * member: the watch takes no more than fits its buffer.
 */
async function runForEach(
  context: Context,
  words: readonly string[],
  request: WatchRequest,
  { exitOnError = false }: WatchOptions,
): Promise<number> {
  const { io } = context;
  const command = new EventCommand(words, io.env);
  const use = async (client: Client, signal: AbortSignal): Promise<number> => {
    await client.status(undefined, { signal });
    for await (const item of items(client, { ...request, signal })) {
      const { revision } = item;
      for (const event of item.type === 'events' ? item.events : []) {
        const failure = await command.run(event);
        const what = `for the ${event.type} of ${printable(event.kv.keyBytes)} at revision ${revision}`;
        if (failure !== undefined) {
          const next = signal.aborted ? `; "--rev ${revision}" begins with it again` : '';
          warn(io, `the command failed ${what}: ${failure}${next}`);
        }
        if (signal.aborted) return exitCodes.ok;
        if (failure !== undefined && exitOnError) return exitCodes.commandFailed;
      }
    }
    return exitCodes.ok;
  };
  return untilStopped(context, use, (signal) => {
    if (command.stop(signal)) warn(io, 'stopping when the command has ended; again to kill it');
  });
}
