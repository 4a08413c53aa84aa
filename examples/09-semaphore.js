// At most so many at once, with a limit that an operator changes while they run.
import { Client, Session } from '@lockstep/client';
import { LimitMismatchError, Semaphore } from '@lockstep/locks';

const client = new Client({ endpoints: process.env.LOCKSTEP_ENDPOINTS });
const session = await Session.open(client, { ttl: 5 });
const uploads = new Semaphore(session, 'uploads', { limit: 2 });

const permits = [await uploads.acquire(), await uploads.acquire()];
const third = await standInLine({ weight: 1 });
const heavy = await standInLine({ weight: 2 });
await show('two hold, two wait');

// What `npx lockstep semaphore resize uploads 3` does.
await uploads.resize(3);
permits.push(await third.permit);
await show('one more came in');

// Nothing is taken from those who hold; nobody comes in until they are few enough.
await uploads.resize(2);
await show('one too many holds');
for (const permit of permits) await permit.release();
const last = await heavy.permit;
await show('the heavy one came in');
await last.release();

try {
  await new Semaphore(session, 'uploads', { limit: 9 }).acquire();
} catch (error) {
  if (!(error instanceof LimitMismatchError)) throw error;
  console.log('another program declares 9: refused');
}

await session.close();
await client.close();

/** Resolves when the permit is asked for and has to wait. */
function standInLine({ weight }) {
  return new Promise((resolve) => {
    const permit = uploads.acquire({ weight, onQueued: () => resolve({ permit }) });
  });
}

async function show(what) {
  const { limit, inUse, waiting } = await uploads.inspect();
  console.log(`${what}: ${inUse} of ${limit} in use, ${waiting.length} waiting`);
}
