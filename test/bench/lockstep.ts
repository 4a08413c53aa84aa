import { fileURLToPath } from 'node:url';
import { at, post, type System } from './clusters.ts';

const program = fileURLToPath(new URL('../../cli/bin/lockstep.js', import.meta.url));

/**
 * The built Lockstep of this checkout with its defaults.
 * @param nodeArguments for the members' Node, for example `--cpu-prof`.
 */
export function lockstep(nodeArguments: readonly string[]): System {
  return {
    name: 'lockstep',
    command({ name, directory, clientPort, peerPort }, all) {
      const cluster = all.map((each) => `${each.name}=127.0.0.1:${each.peerPort}`).join(',');
      return [
        process.execPath,
        ...nodeArguments,
        program,
        'serve',
        ...['--name', name, '--data-dir', directory],
        ...['--listen', `127.0.0.1:${clientPort}`, '--peer-listen', `127.0.0.1:${peerPort}`],
        ...['--initial-cluster', cluster],
      ];
    },
    async status(endpoint) {
      const answer = await post(endpoint, '/v1/maintenance.status', {});
      // Over HTTP the result may stand alone or inside a JSON-RPC envelope.
      const status = at(answer, 'result') ?? answer;
      return {
        isLeader: at(status, 'isLeader') === true,
        hasLeader: typeof at(status, 'leaderId') === 'string',
        revision: Number(at(status, 'header', 'revision') ?? 0),
      };
    },
    async put(endpoint, key, value) {
      await post(endpoint, '/v1/kv.put', { key, value });
    },
  };
}
