import { Redis } from 'ioredis';
import type { System } from './clusters.ts';
import type { Endpoint } from './model.ts';

/**
 * One Redis without persistence, as Redlock is usually run: nothing is written to disk, so its figures are for orientation
 * and no ratio is made with them.
 */
export const redis: System = {
  name: 'redis',
  command({ directory, clientPort }) {
    return [
      'redis-server',
      ...['--bind', '127.0.0.1', '--port', String(clientPort), '--dir', directory],
      ...['--save', '', '--appendonly', 'no'],
    ];
  },
  async status(endpoint) {
    await asked(endpoint, (connection) => connection.ping());
    return { isLeader: true, hasLeader: true, revision: 0 };
  },
  async put(endpoint, key, value) {
    await asked(endpoint, (connection) => connection.set(key, value));
  },
};

async function asked(
  { host, port }: Endpoint,
  ask: (connection: Redis) => Promise<unknown>,
): Promise<void> {
  const connection = new Redis({
    ...{ host, port, lazyConnect: true, maxRetriesPerRequest: 0 },
    retryStrategy: () => null,
  });
  // A refused connection is reported by the call, too.
  connection.on('error', () => {});
  try {
    await connection.connect();
    await ask(connection);
  } finally {
    connection.disconnect();
  }
}
