import type { Endpoint, Operation, Scenario } from './model.ts';
import type { Options } from './options.ts';

const inFlightPerConnection = 10;
const defaultClients = [1, 100, 500];
const defaultWorkers = [1, 50];
const watchShapes = [
  { connections: 10, perConnection: 100 },
  { connections: 1000, perConnection: 1 },
];

/** Everything the options ask for, in the order of the table. */
export function planScenarios(options: Options): Scenario[] {
  return options.members.flatMap((members) =>
    options.operations.flatMap((operation) =>
      shapes(operation, options.clients).map((shape) => ({ operation, members, ...shape })),
    ),
  );
}

/**
 * Clients as etcd's own tool counts them: 100 clients are 10 connections with 10 requests in
 * flight each, 500 are 50 connections with 10.
 */
function shapes(
  operation: Operation,
  clients: number | undefined,
): { connections: number; perConnection: number }[] {
  if (operation === 'watch') return watchShapes;
  if (operation === 'lock') {
    const workers = clients === undefined ? defaultWorkers : [clients];
    return workers.map((count) => ({ connections: 1, perConnection: count }));
  }
  return (clients === undefined ? defaultClients : [clients]).map((count) =>
    count < inFlightPerConnection
      ? { connections: count, perConnection: 1 }
      : {
          connections: Math.round(count / inFlightPerConnection),
          perConnection: inFlightPerConnection,
        },
  );
}

/** Where each connection goes: puts to the leader, gets and watches round all members. */
export function connectionTargets(
  scenario: Scenario,
  endpoints: readonly [Endpoint, ...Endpoint[]],
): Endpoint[] {
  const [leader] = endpoints;
  return Array.from({ length: scenario.connections }, (_, index) =>
    scenario.operation === 'put' || scenario.operation === 'lock'
      ? leader
      : (endpoints[index % endpoints.length] ?? leader),
  );
}

export function describe(scenario: Scenario): string {
  const { operation, connections, perConnection } = scenario;
  if (operation === 'watch') return `watch ${connections} x ${perConnection}`;
  const clients = connections * perConnection;
  if (operation === 'lock') return `lock ${clients} worker${clients === 1 ? '' : 's'}`;
  return `${operation} ${clients} client${clients === 1 ? '' : 's'}`;
}
