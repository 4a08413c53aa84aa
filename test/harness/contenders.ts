import type { TestContext } from 'node:test';
import { type Client, Session, type SessionOptions } from '@lockstep/client';
import { createTestCluster, type TestCluster } from '@lockstep/server/testing';

export async function startCluster(t: TestContext, members = 3): Promise<TestCluster> {
  const cluster = await createTestCluster({ members, seed: 7 });
  t.after(() => cluster.close());
  return cluster;
}

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

/**
 * A client that can be cut off from the cluster, alone of all. As TCP does it: what is sent meanwhile arrives
 * afterwards, in order, unless one of the two gives the connection up before.
 */
export function cuttableClient(cluster: TestCluster): Omit<Contender, 'session'> {
  let isCutOff = false;
  let held: (() => void)[] = [];
  const pass = (what: () => void): void => {
    if (isCutOff) held.push(what);
    else what();
  };
  const { dial } = cluster.clientOptions();
  const client = cluster.client({
    dial: (url, handler) => {
      let isClosed = false;
      const toClient = (what: () => void): void =>
        pass(() => {
          if (!isClosed) what();
        });
      const transport = dial(url, {
        opened: () => toClient(() => handler.opened()),
        closed: (end) => toClient(() => handler.closed(end)),
        frame: (text) => toClient(() => handler.frame(text)),
        alive: () => toClient(() => handler.alive()),
      });
      return {
        send: (frames) => pass(() => transport.send(frames)),
        close: () => {
          isClosed = true;
          pass(() => transport.close());
        },
      };
    },
  });
  return {
    client,
    cutOff: (is) => {
      isCutOff = is;
      if (is) return;
      const late = held;
      held = [];
      for (const what of late) what();
    },
  };
}
