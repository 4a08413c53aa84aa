import { coloursOf } from '../colours.ts';
import { describeFailure, exitCodes } from '../failure.ts';
import { type Context, type Io, print } from '../io.ts';
import { json } from '../output.ts';
import { withClient } from '../session.ts';
import { table } from '../table.ts';
import { allEndpoints } from './status.ts';

export interface HealthOptions {
  readonly cluster?: boolean;
}

interface Finding {
  readonly endpoint: string;
  readonly healthy: boolean;
  readonly tookMs: number;
  readonly reason: string;
}

/** `health`: a linearizable read through each endpoint, which needs a quorum behind it. */
export async function health(context: Context, options: HealthOptions): Promise<number> {
  const { io, output } = context;
  const endpoints = options.cluster === true ? await allEndpoints(context) : context.endpoints;
  const findings = await Promise.all(endpoints.map((endpoint) => probe(context, endpoint)));
  if (output === 'json') await print(io, json(findings));
  else if (output === 'table') {
    const rows = findings.map((one) => [
      one.endpoint,
      String(one.healthy),
      `${one.tookMs} ms`,
      one.reason,
    ]);
    await print(io, await table(io, ['endpoint', 'healthy', 'took', 'reason'], rows));
  } else for (const finding of findings) await print(io, `${sentence(io, finding)}\n`);
  return findings.every(({ healthy }) => healthy) ? exitCodes.ok : exitCodes.refused;
}

async function probe(context: Context, endpoint: string): Promise<Finding> {
  const start = performance.now();
  let reason = '';
  try {
    const read = { countOnly: true };
    await withClient(context, (client) => client.range('health', read), { endpoints: [endpoint] });
  } catch (error) {
    // In one line, as it stands in a sentence or a cell.
    reason = describeFailure(error, { endpoints: [endpoint] }).message.replace(/\n\s*/g, ' ');
  }
  const tookMs = Math.round((performance.now() - start) * 10) / 10;
  return { endpoint, healthy: reason === '', tookMs, reason };
}

function sentence(io: Io, { endpoint, healthy, tookMs, reason }: Finding): string {
  const { green, red } = coloursOf(io);
  return healthy
    ? `${endpoint} is ${green('healthy')}: a linearizable read took ${tookMs} ms`
    : `${endpoint} is ${red('unhealthy')}: ${reason}`;
}
