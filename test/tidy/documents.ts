import { posix } from 'node:path';

/** Folders at the top of the project; a path that begins with one is a path of the project. */
const tops = /^(client|server|cli|console|recipes|examples|test|\.ci)\//;

export interface Project {
  readonly files: readonly string[];
  read(file: string): string;
}

/** `file:line: what is wrong` for each link to a file or heading that is not there. */
export function brokenLinks(file: string, text: string, project: Project): string[] {
  return linesOutsideFences(text).flatMap(([line, at]) =>
    targetsIn(line).flatMap((target) => {
      const why = linkFault(file, target, project);
      return why === undefined ? [] : [`${file}:${at}: ${why}`];
    }),
  );
}

export function linksIn(text: string): string[] {
  return linesOutsideFences(text).flatMap(([line]) => targetsIn(line));
}

function targetsIn(line: string): string[] {
  const plain = line.replace(/`[^`]*`/g, (code) => '_'.repeat(code.length));
  const found = plain.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s*(\S+)/g);
  return [...found].map((match) => match[1] ?? match[2] ?? '');
}

function linkFault(file: string, target: string, project: Project): string | undefined {
  if (/^[a-z]+:/.test(target)) return undefined;
  const [path = '', heading] = target.split('#');
  const to = path === '' ? file : posix.normalize(posix.join(posix.dirname(file), path));
  if (!isThere(to, project.files)) return `links to ${to}, which is not there`;
  if (heading === undefined || !to.endsWith('.md')) return undefined;
  const headings = headingsOf(project.read(to));
  return headings.includes(heading) ? undefined : `${to} has no heading #${heading}`;
}

function isThere(path: string, files: readonly string[]): boolean {
  const folder = `${path.replace(/\/$/, '')}/`;
  return path === './' || files.some((file) => file === path || file.startsWith(folder));
}

/** The names by which a page shows its headings to links. */
function headingsOf(text: string): string[] {
  return linesOutsideFences(text).flatMap(([line]) => {
    const title = /^#+\s+(.*?)\s*$/.exec(line)?.[1];
    if (title === undefined) return [];
    const bare = title.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '');
    return [bare.replace(/\s/g, '-')];
  });
}

/** `file:line: what is wrong` for each path in backticks that names nothing. */
export function brokenPaths(file: string, text: string, project: Project): string[] {
  return linesOutsideFences(text).flatMap(([line, at]) =>
    pathsIn(line)
      .filter((path) => !namesAFile(path, project.files))
      .map((path) => `${file}:${at}: \`${path}\` is not there`),
  );
}

/** What in backticks looks like a path of the project: a source or page, or below a top folder. */
export function pathsIn(line: string): string[] {
  const spans = [...line.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
  return spans.filter((span) => {
    if (!/^[\w.*/-]+$/.test(span) || span.startsWith('/')) return false;
    return tops.test(span) || /[\w*]\.(ts|js|md|txt)$/.test(span);
  });
}

/** Below a folder that the page speaks of, the end of a path is enough: `raft/log.ts`. */
function namesAFile(path: string, files: readonly string[]): boolean {
  const parts = path
    .replace(/\/$/, '')
    .split('/')
    .map((part) => {
      return part.replace(/[.]/g, '\\.').replaceAll('*', '[^/]*');
    });
  const start = tops.test(path) ? '^' : '(^|/)';
  const pattern = new RegExp(`${start}${parts.join('/')}(/|$)`);
  return files.some((file) => pattern.test(file));
}

/** Lines with their numbers; what stands between fences is code. */
function linesOutsideFences(text: string): [string, number][] {
  let fenced = false;
  return text.split('\n').flatMap((line, at) => {
    if (!/^\s*(```|~~~)/.test(line)) return fenced ? [] : [[line, at + 1]];
    fenced = !fenced;
    return [];
  });
}

export interface Row {
  /** The names in the first cell. */
  readonly names: readonly string[];
  /** The last cell. */
  readonly reason: string;
}

/** The rows of each table whose first column is headed `package`. */
export function packageTable(text: string): Row[] {
  const rows: Row[] = [];
  let inside = false;
  for (const [line] of linesOutsideFences(text)) {
    const cells = cellsOf(line);
    const first = cells[0] ?? '';
    if (cells.length < 2) inside = false;
    else if (!inside) inside = /^packages?$/i.test(first);
    else if (!/^[-:\s]+$/.test(first)) {
      const names = first.split(/,\s*|\s+/).map((name) => name.replaceAll('`', ''));
      rows.push({ names: names.filter((name) => name !== ''), reason: cells.at(-1) ?? '' });
    }
  }
  return rows;
}

function cellsOf(line: string): string[] {
  if (!line.trimStart().startsWith('|')) return [];
  return line
    .trim()
    .replace(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());
}
