import { channel } from 'node:diagnostics_channel';
import type { Platform } from './platform.ts';

/** Node: `ws` can send a tick's frames in one system call, and before version 22 there is nothing else. */
export const platform: Platform = {
  dial: async () => (await import('./transport-node.ts')).dialNode,
  channel,
  keepAliveWorker: async (order) =>
    (await import('../session/keep-alive-worker-node.ts')).start(order),
};
