/** A cluster for tests of your own code: production members in a simulated world, in virtual time. */
export type { Settings } from '../src/config.ts';
export type { CutKind } from './client-network.ts';
export type { ClusterSettings, TestClusterOptions } from './cluster-options.ts';
export type { Reply, ReplyFilter } from './replies.ts';
export type { SimDisk } from './sim-disk.ts';
export { createTestCluster, type DroppedReplies, type TestCluster } from './test-cluster.ts';
export type { TestMember } from './test-member.ts';
