// Move an amount from one account to another: both keys change, or none does.
import { Client, codecs, Space } from '@lockstep/client';

const client = new Client({ endpoints: process.env.LOCKSTEP_ENDPOINTS });
/** @type {Space<number>} */
const accounts = new Space(client, 'accounts/', codecs.json());

await accounts.put('alice', 100);
await accounts.put('bob', 20);

/** @param {string} from @param {string} to @param {number} amount */
async function transfer(from, to, amount) {
  for (;;) {
    const [source, target] = await Promise.all([accounts.get(from), accounts.get(to)]);
    if (source === undefined || target === undefined) return 'no such account';
    if (source.value < amount) return 'not enough';
    const reply = await client
      .txn()
      .if(accounts.compare.unchanged(source), accounts.compare.unchanged(target))
      .do(accounts.op.put(from, source.value - amount), accounts.op.put(to, target.value + amount))
      .commit();
    // Somebody else was faster: with what is there now, it may be decided otherwise.
    if (reply.succeeded) return 'done';
  }
}

console.log('30:', await transfer('alice', 'bob', 30));
console.log('90:', await transfer('alice', 'bob', 90));

// Many at a time, and nothing is lost or made.
await Promise.all(Array.from({ length: 10 }, () => transfer('alice', 'bob', 1)));
for (const { key, value } of await accounts.list()) console.log(key, 'has', value);

await client.close();
