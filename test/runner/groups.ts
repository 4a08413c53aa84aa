export interface Group {
  readonly name: string;
  /** The folders whose tests belong to it, with all below. */
  readonly folders: readonly string[];
  /**
   * How many files one process runs, one after the other. Pure tests share one, since a start of Node and tsx costs more than most
   * files of tests.
   */
  readonly filesPerProcess: number;
  /**
   * Real clusters, browsers, fleets of processes: nothing runs beside a file of it, and it comes when everything else is over. Their
   * leases are short, and a machine with two cores keeps them only for one at a time.
   */
  readonly alone?: true;
  /** Run when it is named, and by continuous integration; without words `npm test` leaves it out, so that it stays short. */
  readonly onRequest?: true;
}

/** In the order they start: what takes longest first, so that no core waits for it at the end. */
export const groups: readonly Group[] = [
  { name: 'simulation', folders: ['test/simulation', 'test/planted'], filesPerProcess: 1 },
  {
    name: 'unit',
    folders: [
      'client',
      'server',
      'cli',
      'console',
      'recipes',
      'examples',
      'demo',
      'test/bench',
      'test/chaos',
      'test/checkers',
      'test/harness',
    ],
    filesPerProcess: Number.POSITIVE_INFINITY,
  },
  { name: 'tidy', folders: ['test/tidy'], filesPerProcess: Number.POSITIVE_INFINITY },
  { name: 'scripts', folders: ['test/scripts'], filesPerProcess: 1 },
  { name: 'contract', folders: ['test/contract'], filesPerProcess: 5 },
  { name: 'e2e', folders: ['test/e2e'], filesPerProcess: 1, alone: true },
  {
    name: 'acceptance',
    folders: ['test/acceptance'],
    filesPerProcess: 1,
    alone: true,
    onRequest: true,
  },
];

/** Anything that looks like a test, so that one with another ending is noticed and not forgotten. */
const testLike = /\.(test|spec)\.[cm]?[jt]sx?$/;

export interface Sorted {
  readonly byGroup: ReadonlyMap<Group, readonly string[]>;
  /** One sentence for each test that no group runs and each group that has no test. */
  readonly faults: readonly string[];
}

export function sortTests(files: readonly string[]): Sorted {
  const byGroup = new Map<Group, string[]>(groups.map((group) => [group, []]));
  const faults: string[] = [];
  for (const file of files.filter((path) => testLike.test(path))) {
    const group = groups.find(({ folders }) => folders.some((at) => file.startsWith(`${at}/`)));
    if (group === undefined || !file.endsWith('.test.ts')) {
      faults.push(`${file}: no group runs it; tests end in .test.ts and live where README.md says`);
    } else byGroup.get(group)?.push(file);
  }
  for (const [group, own] of byGroup) {
    if (own.length === 0) faults.push(`${group.name}: no test in ${group.folders.join(', ')}`);
  }
  return { byGroup, faults };
}

/** What is run without words. */
export function withoutRequest({ byGroup }: Sorted): Sorted['byGroup'] {
  return new Map([...byGroup].filter(([group]) => group.onRequest !== true));
}

/**
 * The tests that the words of a command line name: groups, files, folders.
 *
 * @throws {Error} if a word names no test.
 */
export function selectTests(all: Sorted, words: readonly string[]): Map<Group, string[]> {
  const chosen = new Set<string>();
  for (const word of words) {
    const path = word.replace(/^\.\//, '').replace(/\/$/, '');
    const found = [...all.byGroup].flatMap(([group, files]) =>
      files.filter((file) => group.name === word || file === path || file.startsWith(`${path}/`)),
    );
    if (found.length === 0) {
      const names = groups.map(({ name }) => name).join(', ');
      throw new Error(`"${word}" is no test file, no folder of tests and none of ${names}`);
    }
    for (const file of found) chosen.add(file);
  }
  const pick = (files: readonly string[]) => files.filter((file) => chosen.has(file));
  return new Map([...all.byGroup].map(([group, files]) => [group, pick(files)]));
}
