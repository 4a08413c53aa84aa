import { type Alarm, TableError } from '@lockstep/client/protocol';
import type { Service } from '../../service/service.ts';
import { decodePercent, type Target } from './url.ts';

export interface HealthAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** Resolves when all is well. @throws Error that says what is not. */
type Check = (service: Service) => Promise<void> | void;

const readsLocally: Check = async (service) => {
  await reads(service, true);
};

const checks: Readonly<Record<'/livez' | '/readyz', Readonly<Record<string, Check>>>> = {
  '/livez': { serializable_read: readsLocally },
  '/readyz': {
    data_corruption: ({ calls }) => {
      if (calls.status().alarms.some(({ alarm }) => alarm === 'corrupt')) {
        throw new Error('alarm activated: CORRUPT');
      }
    },
    serializable_read: readsLocally,
    linearizable_read: async (service) => {
      await reads(service, false);
    },
    non_learner: ({ calls }) => {
      if (calls.status().isLearner) throw new Error('not ready: the member is a learner');
    },
  },
};

const text = 'text/plain; charset=utf-8';

/** PROTOCOL [W-54]: how the member is, in the forms that etcd gives it. */
export class HealthPages {
  readonly #service: Service;

  constructor(service: Service) {
    this.#service = service;
  }

  has(path: string): boolean {
    return path === '/health' || /^\/(?:livez|readyz)(?:\/|$)/.test(path);
  }

  /** @throws TableError for a path or an option that there is not. */
  async answer({ path, query }: Target): Promise<HealthAnswer> {
    if (path === '/health') return this.#health(query);
    const [, root = '', name] = path.split('/');
    const all = checks[root === 'livez' ? '/livez' : '/readyz'];
    if (name === undefined) return this.#run(all, query);
    const check = Object.hasOwn(all, name) ? all[name] : undefined;
    if (check === undefined || path.split('/').length > 3) {
      const there = Object.keys(all).map((each) => `/${root}/${each}`);
      throw new TableError('not_found', `there is no such check; there is ${there.join(', ')}`);
    }
    return this.#run({ [name]: check }, query);
  }

  async #health(query: string): Promise<HealthAnswer> {
    const options = optionsOf(query, ['serializable', 'exclude'], '/health');
    const reason = await this.#illness(flagOf(options.get('serializable')), options.get('exclude'));
    const health = { health: reason === '' ? 'true' : 'false', reason };
    const body = `${JSON.stringify(health)}\n`;
    return { status: reason === '' ? 200 : 503, contentType: 'application/json', body };
  }

  /** What is wrong, in etcd's words; empty when nothing is. An alarm that is excluded is passed over. */
  async #illness(isSerializable: boolean, excluded: readonly string[] = []): Promise<string> {
    const { alarms, leaderId } = this.#service.calls.status();
    const raised = alarms.map(nameOf).find((name) => !excluded.includes(name));
    if (raised !== undefined) return `ALARM ${raised}`;
    if (!isSerializable && leaderId === undefined) return 'RAFT NO LEADER';
    const { health, reason } = await this.#service.health(isSerializable);
    return health === 'true' ? '' : `RANGE ERROR:${reason}`;
  }

  /** Runs all that is not excluded. As in etcd, the parts are told when one of them fails, or when `verbose` asks for them. */
  async #run(all: Readonly<Record<string, Check>>, query: string): Promise<HealthAnswer> {
    const options = optionsOf(query, ['verbose', 'exclude'], '/livez and /readyz');
    const excluded = options.get('exclude') ?? [];
    const lines: string[] = [];
    let isWell = true;
    for (const [name, check] of Object.entries(all)) {
      if (excluded.includes(name)) continue;
      try {
        await check(this.#service);
        lines.push(`[+]${name} ok`);
      } catch (error) {
        isWell = false;
        lines.push(`[-]${name} failed: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    const isTold = !isWell || options.has('verbose');
    const body = `${[...(isTold ? lines : []), isWell ? 'ok' : 'not ok'].join('\n')}\n`;
    return { status: isWell ? 200 : 503, contentType: text, body };
  }
}

async function reads(service: Service, isSerializable: boolean): Promise<void> {
  const { health, reason } = await service.health(isSerializable);
  if (health !== 'true') throw new Error(reason);
}

function nameOf({ alarm }: Alarm): string {
  return alarm.toUpperCase();
}

/** @throws TableError for an option that the path does not know. */
function optionsOf(
  query: string,
  known: readonly string[],
  path: string,
): ReadonlyMap<string, readonly string[]> {
  const options = new Map<string, string[]>();
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decodePercent(equals < 0 ? pair : pair.slice(0, equals));
    const value = equals < 0 ? '' : decodePercent(pair.slice(equals + 1));
    if (!known.includes(name)) {
      const given = JSON.stringify(name);
      throw new TableError('invalid_params', `${path} takes ${known.join(' and ')}; got ${given}`);
    }
    options.set(name, [...(options.get(name) ?? []), value]);
  }
  return options;
}

function flagOf(values: readonly string[] | undefined): boolean {
  if (values === undefined) return false;
  const [value] = values;
  if (value === '' || value === 'true') return true;
  if (value === 'false') return false;
  throw new TableError('invalid_params', 'serializable is true or false');
}
