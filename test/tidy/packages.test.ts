import assert from 'node:assert/strict';
import { test } from 'node:test';
import { version } from '../../server/src/version.ts';
import { packageTable } from './documents.ts';
import { importsOf } from './imports.ts';
import { files, read } from './sources.ts';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly license?: string;
  readonly private?: boolean;
  readonly workspaces?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const manifests = new Map(
  files
    .filter((file) => /(^|\/)package\.json$/.test(file))
    .map((file) => [file.replace(/\/?package\.json$/, ''), JSON.parse(read(file)) as Manifest]),
);

function dependenciesOf(manifest: Manifest): [string, string][] {
  return Object.entries({
    ...manifest.dependencies,
    ...manifest.devDependencies,
    ...manifest.peerDependencies,
    ...manifest.optionalDependencies,
  });
}

/** Packages from npm that some package of ours asks for. */
const foreign = new Set(
  [...manifests.values()]
    .flatMap((manifest) => dependenciesOf(manifest).map(([name]) => name))
    .filter((name) => !name.startsWith('@lockstep/')),
);

/** Declared before the first import; an entry goes away with the import or with the declaration. */
const declaredAhead: readonly string[] = [];

test('every package is a workspace, and every workspace a package', () => {
  const own = [...manifests.keys()].filter((folder) => folder !== '');
  assert.deepEqual(own.toSorted(), manifests.get('')?.workspaces?.toSorted());
  assert.ok(own.length >= 4, `${own.length} packages`);
});

test('all packages have one version, and the server says the same', () => {
  const other = [...manifests].filter(([, manifest]) => manifest.version !== version);
  assert.deepEqual(
    other.map(([folder, manifest]) => `${folder}: ${manifest.version}`),
    [],
  );
  for (const [folder, manifest] of manifests) {
    for (const [name, range] of dependenciesOf(manifest)) {
      if (name.startsWith('@lockstep/')) assert.equal(range, version, `${folder}: ${name}`);
    }
  }
  const lock = JSON.parse(read('package-lock.json'));
  for (const folder of manifests.keys()) assert.equal(lock.packages[folder]?.version, version);
});

test('every package says what it is', () => {
  for (const [folder, manifest] of manifests) {
    const readme = folder === '' ? 'README.md' : `${folder}/README.md`;
    assert.ok(files.includes(readme), `${readme} is missing`);
    assert.ok((manifest.description ?? '').length >= 20, `${folder} has no description`);
    if (!manifest.private) assert.equal(manifest.license, 'Apache-2.0', folder);
  }
});

test('every dependency has its reason in the table of ARCHITECTURE.md, and no row is left over', () => {
  const rows = packageTable(read('ARCHITECTURE.md'));
  const named = rows.flatMap(({ names }) => names);
  assert.ok(foreign.size >= 10, `${foreign.size} dependencies`);
  assert.deepEqual(named.toSorted(), [...foreign].toSorted());
  assert.deepEqual(
    rows.filter(({ reason }) => reason.length < 5),
    [],
    'rows without a reason',
  );
});

test('the table is read as it is written', () => {
  const text = [
    '| word | meaning |',
    '| --- | --- |',
    '| x | y |',
    '',
    '| Package | used by | why |',
    '|:---|---|---|',
    '| `ws` | client | sockets |',
    '| @types/ws, `@types/node` | all | |',
    'Text.',
    '| z | y |',
  ].join('\n');
  assert.deepEqual(packageTable(text), [
    { names: ['ws'], reason: 'sockets' },
    { names: ['@types/ws', '@types/node'], reason: '' },
  ]);
});

test('a package imports what it declares, and declares what it imports', () => {
  const faults: string[] = [];
  for (const [folder, manifest] of manifests) {
    if (folder === '') continue;
    const declared = Object.keys(manifest.dependencies ?? {});
    const imported = new Set(librariesOf(folder));
    assert.ok(imported.size > 0, `${folder} imports nothing`);
    for (const name of declared) {
      if (foreign.has(name) && !imported.has(name)) faults.push(`${folder}: ${name}`);
    }
    for (const name of imported) {
      // What the root has is for development; only tests may use it.
      const known = [...declared, manifest.name, ...(manifest.private ? foreign : [])];
      assert.ok(known.includes(name), `${folder} imports ${name}, which it does not declare`);
    }
  }
  assert.deepEqual(faults.toSorted(), declaredAhead.toSorted(), 'declared and not imported');
});

/** The packages that the sources of a package import; tests of shipped code are not shipped. */
function librariesOf(folder: string): string[] {
  const sources = files.filter(
    (file) =>
      file.startsWith(`${folder}/`) &&
      /\.[cm]?[jt]s$/.test(file) &&
      (folder === 'test' || !file.endsWith('.test.ts')),
  );
  const names = sources.flatMap((file) => importsOf(read(file)).map(({ specifier }) => specifier));
  return names.flatMap((name) => {
    if (name === undefined || /^(\.|#|node:)/.test(name)) return [];
    return [
      name
        .split('/')
        .slice(0, name.startsWith('@') ? 2 : 1)
        .join('/'),
    ];
  });
}
