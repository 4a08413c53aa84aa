/**
 * What differs from etcd 3.6, by the names of its API. What is not here is the same. The test beside the comparison asks a
 * member for every method, and fails when one is absent that is not called so here, or the other way round.
 */
export interface Exception {
  readonly verdict: 'differs' | 'absent';
  /** How it differs, or why it is absent. */
  readonly how: string;
}

const differs = (how: string): Exception => ({ verdict: 'differs', how });
const absent = (how: string): Exception => ({ verdict: 'absent', how });

const noVersions = absent('a cluster does not go back to an earlier version');

/** Keys are `Service.Method`, and `Service.Method field` for one option of its request. */
export const exceptions: Readonly<Record<string, Exception>> = {
  'KV.RangeStream': differs(
    'of etcd 3.7; pieces of 256 KiB of one revision, the last with header, count and more. An order of sorting or a bound of revisions is `Unimplemented`',
  ),
  'KV.Range sort_target': differs(
    'without an order, with a limit: all pairs are sorted and then cut; etcd cuts before it sorts',
  ),
  'KV.Txn compare': differs(
    'a target or a result that there is not is `InvalidArgument`; for etcd it holds, or not, by chance of its code',
  ),
  'KV.Txn success': differs(
    'a delete without an end beside a put that it covers is refused as a duplicate key; etcd overlooks it',
  ),
  'KV.Compact revision': differs(
    'revision 0 is refused as compacted; etcd takes it once, on a store that was never compacted, and does nothing',
  ),
  'KV.Compact physical': differs('the answer does not wait until memory was given back'),
  'KV.Put value': differs(
    'the limit of 1.5 MiB is of key and value, or of all keys and values of a transaction; etcd counts the bytes of its own log entry, a few more',
  ),
  'Lock.Lock': differs(
    'an error that may pass, like `no leader`, keeps its code; at etcd it is `Unknown`',
  ),
  'Election.Campaign': differs('as Lock'),
  'Election.Proclaim': differs('as Lock'),
  'Election.Leader': differs('as Lock'),
  'Election.Resign': differs('as Lock'),
  'Cluster.MemberAdd': differs(
    'a member begins as a learner and becomes a voter by itself when it has caught up, so the answer says that it is a learner',
  ),
  'Cluster.MemberAdd peerURLs': differs('one URL: a member has one address for members'),
  'Cluster.MemberAdd isLearner': differs('it stays one until it is promoted'),
  'Cluster.MemberUpdate peerURLs': differs('one URL'),
  'Cluster.MemberList': differs('needs a user once rights are enforced'),
  'Maintenance.Alarm action': differs(
    'an alarm of CORRUPT that was raised by hand is the business of the member it names; etcd stops the cluster',
  ),
  'Maintenance.Status': differs(
    '`version` is that of the API, 3.6.0; sizes are of the state in memory, which is what the quota counts',
  ),
  'Maintenance.Defragment': differs('answers at once: memory is given back all the time'),
  'Maintenance.Hash': differs(
    'of the state as Lockstep keeps it: compare members of one cluster with it',
  ),
  'Maintenance.HashKV': differs(
    'of the versions as Lockstep keeps them: compare members of one cluster with it',
  ),
  'Maintenance.Snapshot': differs(
    "the file is Lockstep's own, with etcd's checksum at its end: `lockstep snapshot status` and `restore` read it, `etcdctl snapshot` does not. How much is to come is not told",
  ),
  'Maintenance.Downgrade': noVersions,
  'Auth.UserAdd hashedPassword': absent('hashes that others made are not taken'),
  'Auth.UserChangePassword hashedPassword': absent('hashes that others made are not taken'),
  'Auth.Authenticate': differs(
    'a simple token is good on every member, and ends after 300 s also if it is used',
  ),
};

/** What is no call: behaviour of the whole door, and of programs that speak to it. */
export const beside: readonly (readonly [what: string, verdict: string])[] = [
  [
    '`etcdctl` 3.4 with `http://` before an endpoint',
    'differs (`endpoint status`, `endpoint hashkv` and `defrag`, and these with `--cluster`, fail with `PROTOCOL_ERROR`: that client sends the ' +
      'URL as the authority of HTTP/2, which Node refuses. Endpoints as host:port work, and so does `etcdctl` since 3.5)',
  ],
  [
    'numbers beyond 2^53-1',
    'differs (revisions, limits and operands saturate there; ids of leases and members are whole)',
  ],
  ['ids of leases below zero', 'same'],
  [
    'compressed messages',
    'absent (answered with `Unimplemented`; no client sends them unless told to)',
  ],
];
