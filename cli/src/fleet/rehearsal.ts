import { type HostFacts, type HostStatus, Operator } from '@lockstep/reboot-coordinator';
import {
  askAll,
  autoSources,
  type LinuxHost,
  type Source,
  type SourceContext,
} from '@lockstep/reboot-coordinator/node';
import { exitCodes } from '../failure.ts';
import { type Context, print, warn } from '../io.ts';
import { ourName } from '../our-identity.ts';
import { json } from '../output.ts';
import { withClient } from '../session.ts';
import { agentHost } from './agent-host.ts';
import type { AgentWish } from './agent-options.ts';
import { AgentPlace } from './agent-place.ts';
import { safe } from './host-text.ts';
import { groupSettings } from './policy-lines.ts';

const never = new AbortController().signal;
const sourceMsMax = 120_000;

/**
 * `reboot agent --dry-run`: goes once through all that the agent would look at, and tells it. Nothing is run but what looks,
 * and nothing is written: a slot that is not used would keep others waiting, and a host that is registered counts.
 */
export async function rehearse(
  context: Context,
  wish: AgentWish,
  stateDir: string,
): Promise<number> {
  const report = new Report(context);
  return withClient(context, async (client) => {
    const { id, group, name } = wish;
    const sources = await asked(context, wish);
    const log = (line: string): void => warn(context.io, line);
    const host = agentHost(context, { ...wish, sources }, { client, log });
    const [bootId, version] = [await host.bootId(), await host.version()];
    const { credential, runningPid } = await AgentPlace.look(stateDir);
    await report.tell('dry run', true, 'nothing is written, drained or rebooted, no slot is held');
    await report.tell('host', { id, name, group }, `${name} (id ${id}), group ${group}`);
    if (runningPid !== undefined) {
      await report.tell('running', runningPid, `an agent runs here already, process ${runningPid}`);
    }
    await report.tell('boot', { bootId, version }, `${bootId}, version ${version}`);
    const needs = sources.map(({ name, need }) => ({ name, ...need }));
    await report.tell('sources', needs, ...sources.map(({ line }) => line));
    const need = await host.needsReboot(never);
    const request =
      need.needed === 'yes'
        ? { reason: need.reason, ...(need.target === undefined ? {} : { target: need.target }) }
        : // What it would be told if it needed one is worth knowing before it does.
          { reason: 'dry run' };
    const target = 'target' in request ? `, and then runs ${request.target}` : '';
    await report.tell('needed', need, `${need.needed}${target}`);
    await tellCommands(report, wish);
    const rivals = await host.rivals(never);
    await report.tell('rivals', rivals, ...(rivals.length === 0 ? ['none found'] : rivals));
    const operator = new Operator(client, { by: ourName() });
    await tellPolicy(report, { operator, host, wish });
    const facts: HostFacts = {
      ...{ id, group, via: 'agent', name, bootId, version },
      ...(wish.zone === undefined ? {} : { zone: wish.zone }),
      ...(wish.member === undefined ? {} : { member: wish.member }),
      ...(credential === undefined ? {} : { credential }),
    };
    const status = await operator.foresee({ facts, wish: request });
    await tellSlot(report, status, need.needed === 'yes');
    await report.end();
    return exitCodes.ok;
  });
}

/** What was found: as rows for people, or as one object. */
class Report {
  readonly #context: Context;
  readonly #facts: Record<string, unknown> = {};

  constructor(context: Context) {
    this.#context = context;
  }

  async tell(name: string, value: unknown, ...lines: readonly string[]): Promise<void> {
    const { io, output } = this.#context;
    this.#facts[name === 'dry run' ? 'dryRun' : name] = value;
    if (output === 'json') return;
    for (const [at, line] of lines.entries()) {
      await print(io, `${(at === 0 ? name : '').padEnd(9)}${safe(line)}\n`);
    }
  }

  async end(): Promise<void> {
    const { io, output } = this.#context;
    if (output === 'json') await print(io, json(this.#facts));
  }
}

/** Sources that have answered, so that none is asked twice. */
async function asked({ io }: Context, { sources }: AgentWish) {
  const place: SourceContext = {
    ...{ root: '/', env: { ...io.env } },
    ...{ signal: never, timeoutMs: sourceMsMax },
  };
  const given: readonly Source[] = sources ?? (await autoSources(place));
  return Promise.all(
    given.map(async (source) => {
      const need = await askAll([source], place);
      const why = need.needed === 'yes' ? need.reason : need.needed === 'unknown' ? need.why : '';
      const line = `${source.name}: ${need.needed}${why === '' ? '' : `, ${why}`}`;
      return { name: source.name, need, line, ask: () => Promise.resolve(need) };
    }),
  );
}

async function tellCommands(report: Report, { host }: AgentWish): Promise<void> {
  const rows = [
    ['drain', host.drainCommand],
    ['reboot', host.rebootCommand ?? 'systemctl --check-inhibitors=yes reboot'],
    ['undrain', host.undrainCommand],
  ] as const;
  for (const [name, line] of rows) {
    await report.tell(
      name,
      line ?? null,
      line === undefined ? 'nothing to run' : `would run ${line}`,
    );
  }
}

interface Looking {
  readonly operator: Operator;
  readonly host: LinuxHost;
  readonly wish: AgentWish;
}

async function tellPolicy(report: Report, { operator, host, wish }: Looking): Promise<void> {
  const policy = (await operator.groups()).get(wish.group);
  const settings = policy === undefined ? [] : groupSettings(policy);
  const rules = settings.map(([name, value]) => `${name}: ${value}`);
  await report.tell('policy', policy ?? null, ...(rules.length === 0 ? ['not declared'] : rules));
  const extra = (policy?.checks ?? []).map((check) => check.replaceAll('{id}', wish.id));
  const checks = await host.check(extra, never);
  await report.tell('checks', checks, checks.isGreen ? 'green' : `red: ${checks.why}`);
}

async function tellSlot(report: Report, status: HostStatus, isNeeded: boolean): Promise<void> {
  const { whyNot = [], position, grant, state } = status;
  if (grant !== undefined) {
    await report.tell('slot', { grant, state }, `it has the slot ${grant.id}, and is ${state}`);
    return;
  }
  const when = isNeeded ? 'it ' : 'if it needed a reboot, it ';
  const isNext = whyNot.every(({ kind }) => kind === 'next');
  const lines = isNext
    ? [`${when}would be granted one at once`]
    : [`${when}would wait:`, ...whyNot.map(({ message }) => message)];
  await report.tell('slot', { position, whyNot }, ...lines);
}
