// Two candidates for one office. The leader's process dies, the other takes over, and an observer sees it all.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Client, op } from '@lockstep/client';
import { Election } from '@lockstep/election';

const name = 'examples/billing';
const client = new Client({ endpoints: process.env.LOCKSTEP_ENDPOINTS });
const identity = process.argv[2];
if (identity === undefined) await observe();
else await stand();
await client.close();

/** A candidate, in a process of its own: leads until the observer ends, and again after every loss. */
async function stand() {
  const end = new AbortController();
  process.once('disconnect', () => end.abort());
  await new Election(client, name, { identity, ttl: 2 }).run(
    async (term, stop) => {
      // Commits only while this one leads, whatever its clock says.
      await term.txn().do(op.put('examples/billing-by', identity)).commit();
      if (!stop.aborted) await once(stop, 'abort');
    },
    { signal: end.signal },
  );
}

/** Starts one candidate, then the other, and kills the first that leads. */
async function observe() {
  const children = {};
  const start = (host) => {
    children[host] = fork(fileURLToPath(import.meta.url), [host]);
  };
  const tokens = [];
  start('host-1');
  for await (const leader of new Election(client, name).observe()) {
    console.log(leader === undefined ? 'nobody leads' : `${leader.identity} leads`);
    if (leader === undefined) continue;
    tokens.push(leader.token);
    if (tokens.length === 2) break;
    start('host-2');
    children[leader.identity].kill('SIGKILL');
  }
  console.log('the second token is larger:', tokens[1] > tokens[0]);
  // It resigns when it hears of this.
  children['host-2'].disconnect();
  await once(children['host-2'], 'exit');
}
