// One boot of a host: its service, its agent, and an offer to coordinate. A machine (machine.ts) starts it.
import { Client } from '@lockstep/client';
import { Agent, coordinate } from '@lockstep/reboot-coordinator';
import { App } from './app.ts';
import { AppHost } from './app-host.ts';
import { type Orders, type Report, readOrders } from './boot-orders.ts';

const pollMs = 500;
const checkEveryMs = 200;
/** Who does not end in order by then is switched off. */
const endMsMax = 1_000;

await run(readOrders(process.argv[2]));

async function run(orders: Orders): Promise<void> {
  const { name, group, endpoints, pace } = orders;
  const app = new App(orders);
  const port = await app.listen();
  const client = new Client({ endpoints });
  const host = new AppHost({
    client,
    app,
    facts: orders,
    port,
    reboot: (version) => report({ kind: 'reboot', version }),
  });
  const stop = new AbortController();
  const agent = new Agent(client, {
    ...{ host, id: name, name, group, ttl: 10 },
    ...{ pollMs, checkEveryMs, verifyWithinMs: pace.verifyWithinMs },
  });
  const work = Promise.all([
    agent.run(stop.signal),
    coordinate(client, { signal: stop.signal, identity: name }),
  ]);
  const end = (): void => {
    stop.abort();
    setTimeout(() => process.exit(0), endMsMax);
    const inOrder = work.then(() => client.close());
    inOrder.then(
      () => process.exit(0),
      () => process.exit(0),
    );
  };
  process.once('SIGTERM', end);
  // Without its machine there is no host.
  process.once('disconnect', () => process.exit(1));
  report({ kind: 'serving', port });
  await work;
}

function report(what: Report): void {
  process.send?.(what);
}
