import assert from 'node:assert/strict';
import { test } from 'node:test';
import { badName, bannedTexts, isGenerated, linesMax, longFiles, tooLong } from './shape.ts';
import { files, read } from './sources.ts';

const code = files.filter((file) => /\.[cm]?[jt]s$/.test(file));

test(`a source file has at most ${linesMax} lines`, () => {
  assert.ok(code.length >= 200, `${code.length} files`);
  const lines = (file: string) => read(file).split('\n').length - 1;
  assert.deepEqual(
    code.flatMap((file) => (isGenerated(file) ? [] : (tooLong(file, lines(file)) ?? []))),
    [],
  );
  assert.deepEqual(
    Object.keys(longFiles).filter((file) => !files.includes(file)),
    [],
    'exceptions for files that are gone',
  );
});

test('the rule of lengths can fail, and its exceptions only shrink', () => {
  const old = { 'old.ts': 590 };
  assert.equal(tooLong('a.ts', linesMax, old), undefined);
  assert.match(tooLong('a.ts', linesMax + 1, old) ?? '', /at most/);
  assert.equal(tooLong('old.ts', 590, old), undefined);
  assert.match(tooLong('old.ts', 591, old) ?? '', /allows/);
  assert.match(tooLong('old.ts', linesMax, old) ?? '', /no exception/);
  assert.match(tooLong('old.ts', linesMax + 1, old) ?? '', /lower/);
});

test('files and folders are named in kebab-case, after what is in them', () => {
  assert.ok(files.length >= 250, `${files.length} files`);
  assert.deepEqual(
    files.flatMap((file) => (isGenerated(file) ? [] : (badName(file) ?? []))),
    [],
  );
});

test('the rule of names can fail', () => {
  const bad = ['src/someFile.ts', 'src/Some/a.ts', 'src/a_b.ts', 'src/a.spec.ts', 'a/readme.MD'];
  const vague = ['src/utils.ts', 'helpers/a.ts', 'src/lock-manager.ts', 'src/key-util.test.ts'];
  for (const file of [...bad, ...vague]) assert.notEqual(badName(file), undefined, file);
  for (const file of ['a/wal-2.test.ts', '.ci/run', 'test/README.md', 'client/LICENSE']) {
    assert.equal(badName(file), undefined, file);
  }
});

test('no file names a machine or a registry, and what is left to do is said', () => {
  const texts = files.filter((file) => !file.startsWith('test/tidy/shape.'));
  assert.ok(texts.includes('package-lock.json') && texts.includes('README.md'));
  assert.deepEqual(
    texts.flatMap((file) => bannedTexts(file, read(file))),
    [],
  );
});

interface Locked {
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

test('the lock file says what, not from where, and for every platform', () => {
  const { packages } = JSON.parse(read('package-lock.json'));
  const entries = Object.entries<Locked>(packages);
  assert.ok(entries.length >= 40, `${entries.length} packages`);
  for (const [name, { resolved, integrity, link, optionalDependencies }] of entries) {
    assert.doesNotMatch(resolved ?? '', /:/, name);
    if (name.includes('node_modules/') && !link) assert.ok(integrity, `${name} has no checksum`);
    // `npm ci` refuses a lock file that lacks one, even one for another platform.
    const missing = Object.keys(optionalDependencies ?? {}).filter(
      (optional) => packages[`node_modules/${optional}`] === undefined,
    );
    assert.deepEqual(missing, [], `${name}: "npm ci" will not run without them`);
  }
});

test('the search for banned texts can fail', () => {
  const planted = [
    '// TODO',
    '// TODO: later',
    '// FIXME: it breaks when the disk is full',
    'cd /home/someone/project',
    'const file = "/root/a";',
    'see /work/main.',
    '"resolved": "https://registry.npmjs.org/ws/-/ws-8.tgz"',
    'registry=http://npm.example.internal:4873/',
  ];
  for (const line of planted) assert.equal(bannedTexts('a', line).length, 1, line);
  const fine = [
    '// TODO: count the bytes of the reply table too',
    'test/work/a.ts',
    './home/a',
    'await registry.get(name);',
    'npm ci && npm test',
  ];
  for (const line of fine) assert.deepEqual(bannedTexts('a', line), [], line);
});
