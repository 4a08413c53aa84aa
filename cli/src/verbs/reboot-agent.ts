import type { Client } from '@lockstep/client';
import { Agent, coordinate } from '@lockstep/reboot-coordinator';
import type { LinuxHost } from '@lockstep/reboot-coordinator/node';
import { exitCodes } from '../failure.ts';
import { agentHost } from '../fleet/agent-host.ts';
import { type AgentOptions, type AgentWish, agentWish } from '../fleet/agent-options.ts';
import { AgentPlace } from '../fleet/agent-place.ts';
import { safe } from '../fleet/host-text.ts';
import { rehearse } from '../fleet/rehearsal.ts';
import { moment } from '../fleet/time-text.ts';
import { type Context, warn } from '../io.ts';
import { json, refuseTable } from '../output.ts';
import { untilStopped } from './watch.ts';

/** `reboot agent --group G`: speaks for this host until it is told to stop. */
export async function rebootAgent(context: Context, options: AgentOptions): Promise<number> {
  refuseTable(context, 'reboot agent');
  const wish = await agentWish(options);
  if (options.dryRun === true) return rehearse(context, wish, options.stateDir);
  const place = await AgentPlace.open(options.stateDir);
  try {
    return await untilStopped(context, async (client, signal) => {
      const log = (line: string): void => tellEvent(context, line);
      const host = agentHost(context, wish, { client, log });
      for (const rival of await host.rivals(signal)) warn(context.io, rival);
      await speak(context, { client, host, wish, credential: place.credential, options }, signal);
      return exitCodes.ok;
    });
  } finally {
    await place.close();
  }
}

interface Part {
  readonly client: Client;
  readonly host: LinuxHost;
  readonly wish: AgentWish;
  readonly credential: string;
  readonly options: AgentOptions;
}

async function speak(context: Context, part: Part, signal: AbortSignal): Promise<void> {
  const { client, host, wish, credential, options } = part;
  const tell = (event: string): void => tellEvent(context, event);
  const { id, group, zone, name, member, ttl, pollMs, leaveWithinMs, verifyWithinMs } = wish;
  const agent = new Agent(client, {
    ...{ host, id, group, name, credential, ttl, pollMs, leaveWithinMs, verifyWithinMs },
    ...(zone === undefined ? {} : { zone }),
    ...(member === undefined ? {} : { member }),
    onEvent: tell,
  });
  tell(`speaks for ${name} (id ${id}) of the group ${group}, boot ${await host.bootId()}`);
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const ended = async (run: Promise<void>): Promise<void> => {
    try {
      await run;
    } finally {
      // Neither goes on without the other: a service manager starts both again.
      over.abort();
    }
  };
  const both = [ended(agent.run(until))];
  if (options.coordinate) {
    const onTrouble = (message: string): void => tell(`coordinating: ${message}`);
    both.push(ended(coordinate(client, { signal: until, identity: name, onTrouble })));
  }
  const results = await Promise.allSettled(both);
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}

function tellEvent({ io, output }: Context, event: string): void {
  const at = Date.now();
  io.stdout.write(output === 'json' ? json({ at, event }) : `${moment(at)}  ${safe(event)}\n`);
}
