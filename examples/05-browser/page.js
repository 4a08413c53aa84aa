// The keys below config/, live: try `lockstep put config/color red` in a shell.
import { Client, codecs, LiveCache, Space } from '@lockstep/client';

const endpoint = new URLSearchParams(location.search).get('member') ?? '127.0.0.1:2379';
const client = new Client({ endpoints: endpoint, learnEndpoints: false });
const config = new Space(client, 'config/', codecs.text);

const [state, keys, edit] = ['state', 'keys', 'edit'].map((id) => document.getElementById(id));

async function showState() {
  for await (const { state: now, reason } of client.connections()) {
    state.textContent =
      now === 'connected' ? `connected to ${endpoint}` : `${now}: ${reason ?? ''}`;
  }
}

async function showKeys() {
  const live = await LiveCache.open(config, { prefix: '' }, { timeoutMs: 60_000 });
  for await (const { kv, entry } of live.changes()) {
    const key = kv.key.slice(config.prefix.length);
    let row = document.getElementById(`key-${key}`);
    if (entry === undefined) {
      row?.remove();
      continue;
    }
    if (row === null) {
      row = document.createElement('li');
      row.id = `key-${key}`;
      keys.append(row);
    }
    row.textContent = `${key} = ${entry.value}`;
  }
}

edit.addEventListener('submit', async (event) => {
  event.preventDefault();
  const { key, value } = Object.fromEntries(new FormData(edit));
  await config.put(key, value);
});

await Promise.all([showState(), showKeys()]);
