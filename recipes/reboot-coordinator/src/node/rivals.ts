import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from './shell-command.ts';
import { readSmallFile } from './small-file.ts';

/** Where to look. */
export interface RivalContext {
  /** What comes before the path of each file. */
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

const systemctlMs = 10_000;

/**
 * Who else may reboot this host, one sentence each with what to do. It finds what is known of the usual ones: none found is no
 * proof that there is none. Never rejects.
 */
export async function findRivals(context: RivalContext): Promise<readonly string[]> {
  const found = await Promise.all([
    unattendedUpgrades(context),
    dnfAutomatic(context),
    locksmith(context),
    rebootmgr(context),
    zincati(context),
    kured(context),
  ]);
  return found.flatMap((sentence) => (sentence === undefined ? [] : [sentence]));
}

async function unattendedUpgrades({ root }: RivalContext): Promise<string | undefined> {
  const folder = 'etc/apt/apt.conf.d';
  // apt reads no others, so a backup copy says nothing.
  const parts = (await namesIn(join(root, folder))).filter((name) =>
    /^[\w-]+(\.conf)?$/.test(name),
  );
  let by: string | undefined;
  // The last word counts, in the order of the names.
  for (const path of [...parts.sort().map((name) => `${folder}/${name}`), 'etc/apt/apt.conf']) {
    for (const value of automaticReboots(await textOf(root, path))) {
      by = /^(1|yes|true|with|on|enable)$/i.test(value) ? path : undefined;
    }
  }
  return by === undefined
    ? undefined
    : `unattended-upgrades reboots by itself, says /${by}: set Unattended-Upgrade::Automatic-Reboot "false"`;
}

/** The values of `Automatic-Reboot` in a text of apt's, whether nested or written out. */
function automaticReboots(text: string): string[] {
  const bare = text.replace(/("[^"\n]*")|\/\*[\s\S]*?\*\/|\/\/[^\n]*|#[^\n]*/g, '$1');
  const found = bare.matchAll(/(?:^|[\s{;:])Automatic-Reboot\s+"?(\w+)"?\s*;/gi);
  return [...found].map(([, value = '']) => value);
}

async function dnfAutomatic(context: RivalContext): Promise<string | undefined> {
  const path = 'etc/dnf/automatic.conf';
  const text = await textOf(context.root, path);
  const [, value] = /^\s*reboot\s*=\s*(when-\w+)/im.exec(text) ?? [];
  return value === undefined
    ? undefined
    : `dnf-automatic reboots by itself, says /${path} (reboot = ${value}): set reboot = never`;
}

async function locksmith(context: RivalContext): Promise<string | undefined> {
  const texts = await Promise.all(
    ['etc/flatcar/update.conf', 'etc/coreos/update.conf'].map((path) => textOf(context.root, path)),
  );
  if (texts.some((text) => /^\s*REBOOT_STRATEGY\s*=\s*["']?off\b/m.test(text))) return undefined;
  const isOn = await isEnabled('locksmithd.service', context);
  return isOn
    ? 'locksmithd reboots this host: run "systemctl mask --now locksmithd.service"'
    : undefined;
}

async function rebootmgr(context: RivalContext): Promise<string | undefined> {
  const text = await textOf(context.root, 'etc/rebootmgr.conf');
  if (/^\s*strategy\s*=\s*"?off\b/m.test(text)) return undefined;
  const isOn = await isEnabled('rebootmgr.service', context);
  return isOn
    ? 'rebootmgr reboots this host: run "systemctl mask --now rebootmgr.service"'
    : undefined;
}

async function zincati(context: RivalContext): Promise<string | undefined> {
  const folder = 'etc/zincati/config.d';
  const names = (await namesIn(join(context.root, folder))).filter((name) => /\.toml$/.test(name));
  const texts = await Promise.all(names.map((name) => textOf(context.root, `${folder}/${name}`)));
  if (texts.some((text) => /^\s*\[updates\][^[]*^\s*enabled\s*=\s*false/m.test(text))) {
    return undefined;
  }
  if (!(await isEnabled('zincati.service', context))) return undefined;
  return 'zincati reboots this host: let it ask by FleetLock and run no agent, or run "systemctl mask --now zincati.service"';
}

/** A pod of Kubernetes, which leaves the names of its logs on the host. */
async function kured({ root }: RivalContext): Promise<string | undefined> {
  const folders = ['var/log/pods', 'var/log/containers'];
  const names = (await Promise.all(folders.map((folder) => namesIn(join(root, folder))))).flat();
  const isThere = names.some((name) => /(^|_)kured-/.test(name));
  return isThere
    ? 'kured seems to run here (there are logs of its pod) and may reboot this host: delete its DaemonSet, or keep it off this node'
    : undefined;
}

/** By systemd itself; where it does not say, by the links that enable a unit. */
async function isEnabled(unit: string, context: RivalContext): Promise<boolean> {
  const { root, env, signal } = context;
  const where = root === '/' ? [] : [`--root=${root}`];
  const words = ['systemctl', ...where, 'is-enabled', unit];
  const end = await runProgram(words, { env, signal, timeoutMs: systemctlMs, graceMs: 1_000 });
  const state = end.code === undefined ? '' : end.output.trim();
  if (/^(enabled|masked|disabled|not-found)/.test(state)) return state.startsWith('enabled');
  // An image may bring the link along in a place that systemd does not count as enabled.
  return isLinked(unit, root);
}

async function isLinked(unit: string, root: string): Promise<boolean> {
  for (const folder of ['etc/systemd/system', 'usr/lib/systemd/system']) {
    const wants = (await namesIn(join(root, folder))).filter((name) => name.endsWith('.wants'));
    const names = await Promise.all(wants.map((name) => namesIn(join(root, folder, name))));
    if (names.flat().includes(unit)) return true;
  }
  return false;
}

function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

async function textOf(root: string, path: string): Promise<string> {
  return (await readSmallFile(join(root, path)).catch(() => undefined)) ?? '';
}
