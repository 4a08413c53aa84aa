import type { TestContext } from 'node:test';
import { type Client, Session, type SessionOptions } from '@lockstep/client';
import { createTestCluster, type TestCluster } from '@lockstep/server/testing';
import { noUnhandledRejections } from './unhandled.ts';

export async function startCluster(t: TestContext, members = 3, seed = 7): Promise<TestCluster> {
  noUnhandledRejections(t);
  const cluster = await createTestCluster({ members, seed });
  t.after(() => cluster.close());
  return cluster;
}

/** A process of its own, as far as the cluster can tell. */
export interface OwnProcess {
  readonly client: Client;
  /** From now on, or no longer, nothing passes between it and the cluster, and nobody is told. */
  cutOff(is: boolean): void;
  /** From now on it hears nothing, and what it says still arrives. */
  deafen(): void;
}

/** One that competes for something. */
export interface Contender extends OwnProcess {
  readonly session: Session;
}

export async function contender(
  cluster: TestCluster,
  ttl = 10,
  options: SessionOptions = {},
): Promise<Contender> {
  const own = cuttableClient(cluster);
  const session = await Session.open(own.client, { ttl, ...options });
  return { ...own, session };
}

/**
 * A client that can be cut off from the cluster, alone of all. As TCP does it: what is sent meanwhile arrives
 * afterwards, in order, unless one of the two gives the connection up before.
 */
export function cuttableClient(cluster: TestCluster, endpoints?: readonly string[]): OwnProcess {
  let isCutOff = false;
  let isDeaf = false;
  let held: (() => void)[] = [];
  const pass = (what: () => void): void => {
    if (isCutOff) held.push(what);
    else what();
  };
  const { dial } = cluster.clientOptions();
  const client = cluster.client({
    ...(endpoints === undefined ? {} : { endpoints, learnEndpoints: false }),
    dial: (url, handler) => {
      let isClosed = false;
      const toClient = (what: () => void): void =>
        pass(() => {
          if (!isClosed && !isDeaf) what();
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
    deafen: () => {
      isDeaf = true;
    },
  };
}
