import { at, post, type System } from './clusters.ts';

/** Debian's etcd with its defaults: it syncs every write to disk, as Lockstep does. */
export const etcd: System = {
  name: 'etcd',
  command({ name, directory, clientPort, peerPort }, all) {
    const client = `http://127.0.0.1:${clientPort}`;
    const peer = `http://127.0.0.1:${peerPort}`;
    const cluster = all.map((each) => `${each.name}=http://127.0.0.1:${each.peerPort}`).join(',');
    return [
      'etcd',
      ...['--name', name, '--data-dir', directory],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
      ...['--initial-cluster', cluster, '--initial-cluster-token', 'bench'],
      ...['--logger', 'zap', '--log-level', 'error'],
    ];
  },
  async status(endpoint) {
    const status = await post(endpoint, '/v3/maintenance/status', {});
    const leader = at(status, 'leader');
    return {
      isLeader: leader !== undefined && leader === at(status, 'header', 'member_id'),
      // The gateway leaves out a leader of 0.
      hasLeader: leader !== undefined && leader !== '0',
      revision: Number(at(status, 'header', 'revision') ?? 0),
    };
  },
  async put(endpoint, key, value) {
    const body = { key: btoa(key), value: btoa(value) };
    await post(endpoint, '/v3/kv/put', body);
  },
};
