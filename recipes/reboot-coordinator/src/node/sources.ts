import { access, constants } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import type { Need } from '../agent/host.ts';
import { PolicyError } from '../policy/fault.ts';
import { oneLine } from './sentence.ts';
import { type CommandEnd, failureOf, firstLine, runProgram, runShell } from './shell-command.ts';
import { readSmallFile } from './small-file.ts';

/** Where and how long a source may look. */
export interface SourceContext {
  /** What comes before the path of each file. */
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  /** For a command, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Something that knows whether a host needs a reboot. */
export interface Source {
  /** As it is written for `parseSource`. */
  readonly name: string;
  /** Never rejects: what it cannot tell is unknown. */
  ask(context: SourceContext): Promise<Need>;
}

/** What `parseSource` reads, for people. */
export const sourceForms = [
  'debian',
  'suse',
  'needs-restarting',
  'rpm-ostree',
  'command:<line of the shell>',
  'file:</path>',
] as const;

const no: Need = { needed: 'no' };
const unknown = (why: string): Need => ({ needed: 'unknown', why });

/** Debian's and Ubuntu's: `/run/reboot-required`, and beside it the packages that asked for it. */
export const debianSource: Source = {
  name: 'debian',
  async ask({ root }) {
    const path = '/run/reboot-required';
    const found = await firstThere(root, [path, `/var${path}`]);
    if (found.path === undefined) return found.need;
    const packages = await packagesOf(join(root, `${found.path}.pkgs`));
    return { needed: 'yes', reason: packages === '' ? found.path : `${found.path}: ${packages}` };
  },
};

/** SUSE's: `/run/reboot-needed`, which says what kind of reboot is enough. */
export const suseSource: Source = {
  name: 'suse',
  async ask({ root }) {
    const path = '/run/reboot-needed';
    return (await firstThere(root, [path, `/var${path}`])).need;
  },
};

/** The RHEL family's `needs-restarting -r`: 1 is yes, 0 is no, and anything else no answer. */
export const needsRestartingSource: Source = {
  name: 'needs-restarting',
  async ask(context) {
    const end = await runProgram(['needs-restarting', '-r'], context);
    // One that crashes exits with 1 as well, but then it speaks on standard error alone.
    const hasCrashed = end.output.trim() === '' && end.errors.trim() !== '';
    if (end.code === 1 && hasCrashed) return unknown(`needs-restarting: ${failureOf(end)}`);
    return answerOf(end, { name: 'needs-restarting', yes: 1, reason: 'needs-restarting -r' });
  },
};

/** The one of image based systems: a deployment waits for the next boot. */
export const rpmOstreeSource: Source = {
  name: 'rpm-ostree',
  async ask(context) {
    const end = await runProgram(['rpm-ostree', 'status', '--pending-exit-77'], context);
    const reason = 'rpm-ostree: a deployment is pending';
    return answerOf(end, { name: 'rpm-ostree', yes: 77, reason });
  },
};

/**
 * A line of the shell that exits with 0 when a reboot is needed and with 1 when it is not; anything else is no answer. The
 * first line of its output is the reason.
 */
export function commandSource(line: string): Source {
  const name = `command:${line}`;
  return {
    name,
    async ask(context) {
      const end = await runShell(line, context);
      if (end.code === 1) return no;
      if (end.code !== 0) return unknown(`"${oneLine(line, 100)}": ${failureOf(end)}`);
      return { needed: 'yes', reason: firstLine(end) ?? `"${oneLine(line, 100)}" says so` };
    },
  };
}

/** A file that is there when a reboot is needed; its first line is the reason. */
export function fileSource(path: string): Source {
  return {
    name: `file:${path}`,
    ask: async ({ root }) => (await firstThere(root, [path])).need,
  };
}

/**
 * Reads a source as people write it.
 *
 * @throws {PolicyError} if there is no such source, or something is missing.
 */
export function parseSource(text: string): Source {
  const simple = [debianSource, suseSource, needsRestartingSource, rpmOstreeSource];
  const found = simple.find(({ name }) => name === text);
  if (found !== undefined) return found;
  const [, kind, value = ''] = /^(command|file):(.*)$/s.exec(text.trim()) ?? [];
  if (kind === 'command') {
    if (value.trim() === '')
      throw new PolicyError('a source "command:" names its command after it');
    return commandSource(value.trim());
  }
  if (kind === 'file') {
    if (isAbsolute(value)) return fileSource(value);
    throw new PolicyError(`a source "file:" is followed by a path from the root, not "${value}"`);
  }
  throw new PolicyError(`"${text}" is no source; there are ${sourceForms.join(', ')}`);
}

/** What fits this host: the files, which cost nothing, and the program that its package manager brings along. */
export async function autoSources({
  root,
  env,
}: Pick<SourceContext, 'root' | 'env'>): Promise<readonly Source[]> {
  const files = [debianSource, suseSource];
  if (await isThere(join(root, 'run/ostree-booted'))) return [...files, rpmOstreeSource];
  const isInstalled = await isOnPath('needs-restarting', env);
  return isInstalled ? [...files, needsRestartingSource] : files;
}

/** Asks all at once: any yes is a yes, otherwise any unknown is unknown, and only else it is a no. */
export async function askAll(sources: readonly Source[], context: SourceContext): Promise<Need> {
  if (sources.length === 0) return unknown('there is no source to ask');
  const needs = await Promise.all(
    sources.map(async (source) => {
      try {
        return await source.ask(context);
      } catch (error) {
        return unknown(`${source.name}: ${oneLine(String(error), 200)}`);
      }
    }),
  );
  const reasons = needs.flatMap((need) => (need.needed === 'yes' ? [need.reason] : []));
  if (reasons.length > 0) return { needed: 'yes', reason: reasons.join('; ') };
  const doubts = needs.flatMap((need) => (need.needed === 'unknown' ? [need.why] : []));
  return doubts.length > 0 ? unknown(doubts.join('; ')) : no;
}

function answerOf(
  end: CommandEnd,
  { name, yes, reason }: { readonly name: string; readonly yes: number; readonly reason: string },
): Need {
  if (end.code === yes) return { needed: 'yes', reason };
  return end.code === 0 ? no : unknown(`${name}: ${failureOf(end)}`);
}

interface Found {
  readonly path?: string;
  readonly need: Need;
}

/** The first of some files that is there. One that cannot be read is neither there nor missing. */
async function firstThere(root: string, paths: readonly string[]): Promise<Found> {
  for (const path of paths) {
    try {
      const text = await readSmallFile(join(root, path));
      if (text === undefined) continue;
      const line = oneLine(text.trim().split('\n')[0] ?? '', 200);
      const reason = line === '' ? path : `${path}: ${line}`;
      return { path, need: { needed: 'yes', reason } };
    } catch (error) {
      return { need: unknown(`cannot read ${path}: ${(error as Error).message}`) };
    }
  }
  return { need: no };
}

const packagesShown = 10;

/** The names in it, each once; nothing when it cannot be read, since they are for people only. */
async function packagesOf(path: string): Promise<string> {
  const text = await readSmallFile(path).catch(() => undefined);
  const names = [...new Set((text ?? '').split(/\s+/).filter((name) => name !== ''))];
  const more = names.length - packagesShown;
  const shown = oneLine(names.slice(0, packagesShown).join(', '), 400);
  return more > 0 ? `${shown} and ${more} more` : shown;
}

async function isOnPath(program: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const found = await Promise.all(
    folders.map((folder) => isThere(join(folder, program), constants.X_OK)),
  );
  return found.includes(true);
}

function isThere(path: string, mode: number = constants.F_OK): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
