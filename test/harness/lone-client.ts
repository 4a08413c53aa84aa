import type { Client } from '@lockstep/client';
import type { TestCluster } from '@lockstep/server/testing';

/** A client of its own, as that of another process, which the network can be taken from. */
export interface LoneClient {
  readonly client: Client;
  /** From now on, or no longer, nothing passes between it and the cluster, and nobody is told. */
  cutOff(is: boolean): void;
}

export function loneClient(cluster: TestCluster): LoneClient {
  let isCutOff = false;
  const { dial } = cluster.clientOptions();
  const client = cluster.client({
    dial: (url, handler) => {
      const transport = dial(url, {
        ...handler,
        opened: () => handler.opened(),
        closed: (end) => handler.closed(end),
        frame: (text) => {
          if (!isCutOff) handler.frame(text);
        },
        alive: () => {
          if (!isCutOff) handler.alive();
        },
      });
      return {
        send: (frames) => {
          if (!isCutOff) transport.send(frames);
        },
        close: () => transport.close(),
      };
    },
  });
  return {
    client,
    cutOff: (is) => {
      isCutOff = is;
    },
  };
}
