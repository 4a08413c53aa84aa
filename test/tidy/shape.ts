/** What a generator wrote has its shape from there; its source is beside it. */
export function isGenerated(file: string): boolean {
  return file.startsWith('server/src/api/etcd/gen/');
}

/** Lines of a source file beyond which it does two things. */
export const linesMax = 450;

/** What was longer when the rule came; a number may only go down, and an entry go away. */
export const longFiles: Readonly<Record<string, number>> = {};

/** A ceiling further than this above its file is lowered, so that the file cannot grow back. */
const slackMax = 25;

export function tooLong(
  file: string,
  lines: number,
  exceptions: Readonly<Record<string, number>> = longFiles,
): string | undefined {
  const allowed = exceptions[file];
  if (allowed === undefined) {
    return lines > linesMax ? `${file}: ${lines} lines, at most ${linesMax}` : undefined;
  }
  if (lines > allowed) return `${file}: ${lines} lines, and its exception allows ${allowed}`;
  if (lines <= linesMax) return `${file}: ${lines} lines, so it needs no exception any more`;
  if (lines < allowed - slackMax) return `${file}: ${lines} lines, so lower its ceiling`;
  return undefined;
}

/** Names that tools and people expect as they are. */
const customary =
  /^(README|ARCHITECTURE|CHANGELOG|FLEETLOCK|INSTALL|PROTOCOL|SECURITY)\.md$|^LICENSE$|^\.(gitignore|npmrc|ci)$|^tsconfig\.base\.json$/;

const kebabCase = /^[a-z0-9]+(-[a-z0-9]+)*(\.test)?(\.[a-z]+)?$/;

/** A file that may hold anything soon holds everything. */
const vague = /(^|[-.])(utils?|helpers?|managers?|misc|commons?)([-.]|$)/;

export function badName(file: string): string | undefined {
  for (const name of file.split('/')) {
    if (customary.test(name)) continue;
    if (!kebabCase.test(name)) return `${file}: ${name} is not in kebab-case`;
    if (vague.test(name)) return `${file}: ${name} does not say what is in it`;
  }
  return undefined;
}

interface Ban {
  readonly pattern: RegExp;
  readonly why: string;
}

/** Written in pieces, so that this file does not break its own rules. */
const later = ['TO', 'DO'].join('');
const bans: readonly Ban[] = [
  {
    pattern: new RegExp(`\\b${later}\\b(?!\\W{0,3}\\w+(\\W+\\w+){2})`),
    why: `a ${later} says what is to be done`,
  },
  { pattern: new RegExp(`\\b${['FIX', 'ME'].join('')}\\b`), why: 'fix it, or say what is wrong' },
  {
    pattern: new RegExp(`(?<![\\w.~-])/(${['work', 'home', 'root', 'Users'].join('|')})/\\w`),
    why: 'a path of one machine',
  },
  {
    pattern: new RegExp(
      `\\b(${['registry', 'npm', 'nexus', 'artifactory', 'verdaccio'].join('|')})\\.[\\w-]+(\\.[\\w-]+)*\\.?(com|org|net|io|dev|internal|local)\\b|\\b${['npm', 'js'].join('')}\\.(org|com)\\b`,
    ),
    why: 'the name of a registry: where packages come from is a setting of the machine',
  },
];

/** `file:line: why` for each text that must not be in the project. */
export function bannedTexts(file: string, text: string): string[] {
  return text
    .split('\n')
    .flatMap((line, at) =>
      bans
        .filter(({ pattern }) => pattern.test(line))
        .map(({ why }) => `${file}:${at + 1}: ${why}: ${line.trim()}`),
    );
}
