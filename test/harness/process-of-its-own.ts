import { type Client, Session } from '@lockstep/client';
import type { TestCluster } from '@lockstep/server/testing';

/** What is a process of its own, as far as the cluster can tell. */
export interface OwnProcess {
  readonly client: Client;
  /** From now on, or no longer, nothing passes between it and the cluster, and nobody is told. */
  cutOff(is: boolean): void;
  /** From now on it hears nothing, and what it says still arrives. */
  deafen(): void;
}

export function ownProcess(cluster: TestCluster): OwnProcess {
  let isCutOff = false;
  let isDeaf = false;
  const { dial } = cluster.clientOptions();
  const client = cluster.client({
    dial: (url, handler) => {
      const transport = dial(url, {
        ...handler,
        opened: () => handler.opened(),
        closed: (end) => handler.closed(end),
        frame: (text) => {
          if (!isCutOff && !isDeaf) handler.frame(text);
        },
        alive: () => {
          if (!isCutOff && !isDeaf) handler.alive();
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
    deafen: () => {
      isDeaf = true;
    },
  };
}

export async function ownSession(
  cluster: TestCluster,
  ttl = 10,
): Promise<OwnProcess & { readonly session: Session }> {
  const own = ownProcess(cluster);
  return { ...own, session: await Session.open(own.client, { ttl }) };
}
