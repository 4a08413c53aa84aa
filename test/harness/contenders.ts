import { type Client, Session, type SessionOptions } from '@lockstep/client';
import type { TestCluster } from '@lockstep/server/testing';

/** Somebody who competes for locks: a process of its own, as far as the cluster can tell. */
export interface Contender {
  readonly client: Client;
  readonly session: Session;
  /** From now on, or no longer, nothing passes between it and the cluster, and nobody is told. */
  cutOff(is: boolean): void;
}

export async function contender(
  cluster: TestCluster,
  ttl = 10,
  options: SessionOptions = {},
): Promise<Contender> {
  const { client, cutOff } = cuttableClient(cluster);
  const session = await Session.open(client, { ttl, ...options });
  return { client, session, cutOff };
}

/** A client that can be cut off from the cluster, alone of all. */
export function cuttableClient(cluster: TestCluster): Omit<Contender, 'session'> {
  let isCutOff = false;
  const { dial } = cluster.clientOptions();
  const client = cluster.client({
    dial: (url, handler) => {
      const transport = dial(url, {
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
