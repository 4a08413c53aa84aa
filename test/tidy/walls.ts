import { posix } from 'node:path';
import { importsOf } from './imports.ts';

/** A room of the house, and what it may import. What it does not list, it may not import. */
export interface Room {
  readonly name: string;
  /** Its files: a folder with all below, a folder's own files (`/*`), or one file. */
  readonly at: readonly string[];
  /** Rooms whose values and types it may import; its own is always one of them. */
  readonly rooms?: readonly string[];
  /** Rooms of which it may import types only. */
  readonly types?: readonly string[];
  /** Libraries from npm. */
  readonly libraries?: readonly string[];
  /** Modules of Node; `*` is all of them. */
  readonly node?: readonly string[];
  readonly nodeTypes?: readonly string[];
}

const core = 'server/src/core';
const wholeCore = [
  ...['core/base', 'core/raft', 'core/mvcc', 'core/lease', 'core/watch', 'core/auth'],
  'core',
];

/** The first row that holds a file is its room. */
export const rooms: readonly Room[] = [
  { name: 'protocol', at: ['client/protocol'] },
  // The client runs in browsers too, so Node's types only; `ws` is behind one file (see below).
  {
    name: 'client: Node alone',
    at: [
      'client/src/connection/platform-node.ts',
      'client/src/connection/transport-node.ts',
      'client/src/session/keep-alive-worker-node.ts',
      'client/src/session/keep-alive-thread.ts',
    ],
    rooms: ['protocol', 'client'],
    libraries: ['ws'],
    node: ['diagnostics_channel', 'timers/promises', 'worker_threads'],
    nodeTypes: ['net'],
  },
  {
    name: 'client',
    at: ['client/src'],
    rooms: ['protocol', 'client: Node alone'],
    libraries: ['nanoid'],
  },

  { name: 'core/base', at: [`${core}/base`], types: ['protocol'] },
  { name: 'core/raft', at: [`${core}/raft`], rooms: ['core/base'] },
  {
    name: 'core/mvcc',
    at: [`${core}/mvcc`],
    rooms: ['core/base'],
    types: ['protocol'],
    libraries: ['sorted-btree'],
  },
  {
    name: 'core/lease',
    at: [`${core}/lease`],
    rooms: ['core/base'],
    types: ['protocol'],
    libraries: ['sorted-btree'],
  },
  { name: 'core/watch', at: [`${core}/watch`], rooms: ['core/base'], types: ['protocol'] },
  { name: 'core/auth', at: [`${core}/auth`], rooms: ['core/base'], types: ['protocol'] },
  { name: 'core', at: [`${core}/*`], rooms: wholeCore, types: ['protocol'] },

  // Histograms, and the shapes of what is measured: what every room may count in, and the doors show.
  { name: 'metrics', at: ['server/src/metrics'] },
  { name: 'ports', at: ['server/src/ports.ts'], types: ['protocol', 'core/base', 'store'] },
  {
    name: 'store',
    at: ['server/src/store.ts', 'server/src/store-auth.ts'],
    types: ['protocol', 'core/base', 'ports', 'metrics'],
  },
  {
    name: 'storage',
    at: ['server/src/storage'],
    rooms: [...wholeCore, 'ports', 'store', 'metrics'],
  },
  {
    name: 'member',
    at: ['server/src/member'],
    // It answers with the errors of the protocol's table, which are part of the Store contract.
    rooms: [...wholeCore, 'ports', 'store', 'storage', 'protocol', 'metrics'],
  },
  // Whom a certificate names, and what ended a handshake: the same for clients and for members.
  {
    name: 'tls',
    at: ['server/src/tls'],
    node: ['net', 'tls'],
    nodeTypes: ['crypto', 'stream'],
  },
  {
    name: 'io',
    at: ['server/src/io'],
    rooms: ['ports', 'core/base', 'metrics', 'tls'],
    libraries: ['bcryptjs'],
    node: ['*'],
  },
  {
    name: 'service',
    at: ['server/src/service'],
    rooms: ['store', 'protocol', 'metrics'],
    types: ['ports'],
  },

  {
    name: 'api/http',
    at: ['server/src/api/http'],
    rooms: ['service', 'protocol'],
    nodeTypes: ['http', 'stream'],
  },
  {
    name: 'api/ws',
    at: ['server/src/api/ws'],
    rooms: ['service', 'protocol'],
    libraries: ['ws'],
    nodeTypes: ['http', 'stream'],
  },
  // etcd's methods once more, as JSON over HTTP and WebSockets: it knows their table and nothing of what is behind.
  {
    name: 'api/etcd gateway',
    at: ['server/src/api/etcd/gateway'],
    rooms: ['api/etcd', 'service', 'protocol'],
    libraries: ['@bufbuild/protobuf', '@bufbuild/protobuf/reflect', 'ws'],
    node: ['http'],
    nodeTypes: ['stream'],
  },
  // gRPC over HTTP/2, and etcd's services: they speak in the store's own requests, which the service checks.
  {
    name: 'api/etcd',
    at: ['server/src/api/etcd'],
    rooms: ['service', 'protocol', 'metrics'],
    types: ['store'],
    libraries: ['@bufbuild/protobuf', '@bufbuild/protobuf/codegenv2', '@bufbuild/protobuf/wkt'],
    node: ['crypto', 'http2'],
    nodeTypes: ['stream'],
  },
  // Puts what was measured into words; it has neither a request nor an answer in its hands.
  {
    name: 'api/metrics',
    at: ['server/src/api/metrics'],
    types: ['metrics', 'service'],
  },
  // Puts the files of the console page into answers; it neither reads nor sends them.
  { name: 'api/console', at: ['server/src/api/console'] },
  // What opens the port and shows each connection to its door.
  {
    name: 'api',
    at: ['server/src/api/*'],
    rooms: [
      ...['api/http', 'api/ws', 'api/etcd', 'api/etcd gateway', 'api/metrics', 'api/console'],
      ...['service', 'protocol'],
      'tls',
    ],
    types: ['metrics'],
    node: ['http', 'http2', 'https', 'tls'],
    nodeTypes: ['net', 'stream'],
  },

  {
    name: 'config',
    at: [
      'server/src/config.ts',
      'server/src/config-kinds.ts',
      'server/src/config-auth.ts',
      'server/src/config-tls.ts',
      'server/src/config-cluster.ts',
      'server/src/etcd-settings.ts',
      'server/src/etcd-flags.ts',
    ],
    rooms: ['protocol'],
    libraries: ['zod', 'yaml'],
  },
  // What works on the files of a member that does not run: backups, and new clusters from them.
  {
    name: 'backup',
    at: ['server/src/backup.ts', 'server/src/backup'],
    rooms: ['member', 'storage', 'io', 'core/base', 'core/raft', 'core'],
    node: ['*'],
  },
  { name: 'version', at: ['server/src/version.ts'] },
  // What the configuration means for a member, and how it leaves; the same for a simulated one.
  {
    name: 'wiring',
    at: ['server/src/member-options.ts', 'server/src/hand-over.ts'],
    rooms: ['config', 'member'],
    types: ['ports'],
  },
  {
    name: 'main',
    at: [
      ...['server/src/main.ts', 'server/src/log.ts', 'server/src/console-files.ts'],
      'server/src/member-tls.ts',
    ],
    rooms: [
      'tls',
      'config',
      'version',
      'backup',
      'wiring',
      'member',
      'storage',
      'io',
      'service',
      'api',
      'ports',
      'store',
      'core/base',
    ],
    types: ['protocol', 'api/console', ...wholeCore],
    libraries: ['pino'],
    node: ['*'],
  },
  // A cluster for tests: the production member and session over a simulated world, so no `io`.
  {
    name: 'server/testing',
    at: ['server/testing'],
    rooms: [
      ...['config', 'version', 'wiring', 'member', 'storage', 'ports', 'store'],
      ...['service', 'api/ws', 'core/base', 'client', 'protocol'],
    ],
    types: wholeCore,
  },
  {
    name: 'cli',
    at: ['cli/src', 'cli/bin'],
    rooms: [
      ...['client', 'protocol', 'main', 'config', 'backup', 'recipes/locks', 'recipes/election'],
      ...['recipes/reboot-coordinator', 'reboot: policy', 'reboot: Node alone'],
    ],
    libraries: ['commander', 'picocolors', 'cli-table3'],
    node: ['*'],
  },
  // Node's own async context tells a lock that is asked for under itself.
  { name: 'recipes/locks', at: ['recipes/locks'], rooms: ['client'], node: ['async_hooks'] },
  { name: 'recipes/election', at: ['recipes/election'], rooms: ['client', 'recipes/locks'] },
  // A Redis client is handed to it, and known by its shape alone.
  { name: 'recipes/redis', at: ['recipes/redis'], rooms: ['client', 'recipes/locks'] },
  // What follows from records and the time: nothing else is needed to decide it, nor to show it in a page.
  { name: 'reboot: policy', at: ['recipes/reboot-coordinator/src/policy'] },
  // The same model, kept up by a watch: for pages as well.
  {
    name: 'reboot: feed',
    at: ['recipes/reboot-coordinator/src/fleet-feed.ts'],
    rooms: ['client', 'reboot: policy'],
  },
  {
    name: 'reboot: Node alone',
    at: ['recipes/reboot-coordinator/src/node'],
    rooms: ['client', 'reboot: policy', 'recipes/reboot-coordinator'],
    node: ['*'],
  },
  {
    name: 'recipes/reboot-coordinator',
    at: ['recipes/reboot-coordinator'],
    rooms: ['client', 'recipes/election', 'reboot: policy', 'reboot: feed'],
  },
  { name: 'recipes/rendezvous', at: ['recipes/rendezvous'], rooms: ['client'] },
  // Only what is public, as their readers would.
  {
    name: 'examples',
    at: ['examples'],
    rooms: [
      ...['client', 'recipes/locks', 'recipes/election', 'recipes/redis'],
      ...['recipes/reboot-coordinator', 'reboot: Node alone'],
    ],
    libraries: ['ioredis', 'ioredis-mock'],
    node: ['*'],
  },
  // Users of what is public too, in several processes.
  { name: 'demo', at: ['demo'], rooms: ['client', 'recipes/reboot-coordinator'], node: ['*'] },
  // A page in a browser: it sees a cluster through the client, as every other page would.
  {
    name: 'console',
    at: ['console/src'],
    rooms: ['client', 'protocol', 'reboot: policy', 'reboot: feed'],
    libraries: ['lit-html', 'lit-html/directives/guard.js', 'lit-html/directives/repeat.js'],
  },
  {
    name: 'console: its build',
    at: ['console/build.js'],
    libraries: ['esbuild'],
    node: ['fs/promises', 'url'],
  },
];

/** What another package may import, and the file behind it. */
const doors: Readonly<Record<string, string>> = {
  '@lockstep/client': 'client/src/index.ts',
  // One of two, by the `imports` of the package; the walls of the other are the client's own.
  '#platform': 'client/src/connection/platform-node.ts',
  '@lockstep/client/protocol': 'client/protocol/index.ts',
  '@lockstep/locks': 'recipes/locks/src/index.ts',
  '@lockstep/locks/queueing': 'recipes/locks/src/queueing.ts',
  '@lockstep/election': 'recipes/election/src/index.ts',
  '@lockstep/redis': 'recipes/redis/src/index.ts',
  '@lockstep/reboot-coordinator': 'recipes/reboot-coordinator/src/index.ts',
  '@lockstep/reboot-coordinator/policy': 'recipes/reboot-coordinator/src/policy/index.ts',
  '@lockstep/reboot-coordinator/feed': 'recipes/reboot-coordinator/src/fleet-feed.ts',
  '@lockstep/reboot-coordinator/node': 'recipes/reboot-coordinator/src/node/index.ts',
  '@lockstep/rendezvous': 'recipes/rendezvous/src/index.ts',
  '@lockstep/server': 'server/src/main.ts',
  '@lockstep/server/config': 'server/src/config.ts',
  '@lockstep/server/etcd-flags': 'server/src/etcd-flags.ts',
  '@lockstep/server/etcd-settings': 'server/src/etcd-settings.ts',
  '@lockstep/server/backup': 'server/src/backup.ts',
  '@lockstep/server/testing': 'server/testing/index.ts',
};

export interface Exception {
  readonly file: string;
  /** The file it imports, or `computed`. */
  readonly imports: string;
  readonly because: string;
}

/** The words in which mvcc hands over events; its store, histories and event log stay inside. */
const words =
  'versions of keys and ranges of keys are what watch is about, not how mvcc keeps them';

export const exceptions: readonly Exception[] = [
  ...['batch-maker', 'types', 'watch-group', 'watch-hub', 'hub-stream'].map((name) => ({
    file: `${core}/watch/${name}.ts`,
    imports: `${core}/mvcc/key-value.ts`,
    because: words,
  })),
  ...['types', 'interval-index'].map((name) => ({
    file: `${core}/watch/${name}.ts`,
    imports: `${core}/mvcc/key-range.ts`,
    because: words,
  })),
  {
    file: `${core}/lease/lease-table.ts`,
    imports: `${core}/mvcc/lease-book.ts`,
    because: 'it keeps the book that the store writes into, and takes only its shape',
  },
  {
    file: 'cli/bin/lockstep.js',
    imports: 'computed',
    because: 'it loads what the build made of cli/src/main.ts, if that is there',
  },
];

export interface Verdict {
  /** `file:line: what is wrong`. */
  readonly faults: readonly string[];
  readonly imports: number;
  readonly used: readonly Exception[];
}

/** Holds one source file against the table; `isThere` knows the files that imports may name. */
export function checkFile(
  file: string,
  source: string,
  isThere: (path: string) => boolean,
): Verdict {
  const room = roomOf(file);
  if (room === undefined) {
    return { faults: [`${file}: is in no room of the table`], imports: 0, used: [] };
  }
  const faults: string[] = [];
  const used: Exception[] = [];
  const imports = importsOf(source);
  for (const { specifier, typeOnly, line } of imports) {
    const target = targetOf(file, specifier);
    const exception = exceptions.find((one) => one.file === file && one.imports === target);
    if (exception !== undefined) used.push(exception);
    else {
      const why = refusal({ file, room, target, typeOnly, isThere });
      if (why !== undefined) faults.push(`${file}:${line}: ${why}`);
    }
  }
  return { faults, imports: imports.length, used };
}

export function roomOf(file: string): Room | undefined {
  return rooms.find(({ at }) => at.some((place) => holds(place, file)));
}

function holds(place: string, file: string): boolean {
  if (place.endsWith('/*')) return posix.dirname(file) === place.slice(0, -2);
  return file === place || file.startsWith(`${place}/`);
}

/** The package's folder; those of the recipes are one deeper. */
function packageOf(file: string): string {
  const [top = '', next = ''] = file.split('/');
  return top === 'recipes' ? `${top}/${next}` : top;
}

/** The path of a file of the project, or the name as it was written. */
function targetOf(file: string, specifier: string | undefined): string {
  if (specifier === undefined) return 'computed';
  if (specifier.startsWith('.')) return posix.join(posix.dirname(file), specifier);
  return doors[specifier] ?? specifier;
}

interface Wish {
  readonly file: string;
  readonly room: Room;
  readonly target: string;
  readonly typeOnly: boolean;
  readonly isThere: (path: string) => boolean;
}

function refusal(wish: Wish): string | undefined {
  const { room, target, typeOnly } = wish;
  if (target === 'computed') return 'imports a name that is computed, which nobody can check';
  if (target.startsWith('node:')) {
    const name = target.slice('node:'.length);
    const allowed = [...(room.node ?? []), ...(typeOnly ? (room.nodeTypes ?? []) : [])];
    if (allowed.includes('*') || allowed.includes(name)) return undefined;
    return `${room.name} may not import ${typeOnly ? 'types of ' : ''}${target}`;
  }
  const other = roomOf(target);
  if (other !== undefined) return refusalOfRoom(wish, other);
  if (target.includes('/') && wish.isThere(target)) return `${target} is in no room of the table`;
  if ((room.libraries ?? []).includes(target)) return undefined;
  return `${room.name} may not import ${target}`;
}

function refusalOfRoom(wish: Wish, other: Room): string | undefined {
  const { file, room, target, typeOnly } = wish;
  if (!wish.isThere(target)) return `imports ${target}, which is not there`;
  const foreign = packageOf(target) !== packageOf(file);
  if (foreign && !Object.values(doors).includes(target)) {
    return `imports ${target} of another package past its doors`;
  }
  const allowed = [room.name, ...(room.rooms ?? []), ...(typeOnly ? (room.types ?? []) : [])];
  if (allowed.includes(other.name)) return undefined;
  return `${room.name} may not import ${typeOnly ? 'types of ' : ''}${other.name} (${target})`;
}
