import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokenLinks, brokenPaths, linksIn, type Project, pathsIn } from './documents.ts';
import { files, read } from './sources.ts';

const project: Project = { files, read };
const pages = files.filter((file) => file.endsWith('.md'));

/** The pages that lead through the code; a path in them that is wrong leads nowhere. */
const guides = pages.filter((file) => /(^|\/)(README|ARCHITECTURE)\.md$/.test(file));

const planted: Project = {
  files: ['README.md', 'a/b.md', 'client/src/wal.ts', 'test/scripts/raft/x.txt'],
  read: () => '# The first\n## What it is, and `why`\n```\n# not this\n```\n',
};

test('every link leads somewhere', () => {
  assert.ok(pages.length >= 8, `${pages.length} pages`);
  const links = pages.flatMap((file) => linksIn(read(file)));
  assert.ok(links.length >= 10, `${links.length} links`);
  assert.deepEqual(
    pages.flatMap((file) => brokenLinks(file, read(file), project)),
    [],
  );
});

test('every path in a guide exists', () => {
  assert.ok(guides.includes('ARCHITECTURE.md') && guides.includes('README.md'));
  const paths = guides.flatMap((file) => read(file).split('\n').flatMap(pathsIn));
  assert.ok(paths.length >= 30, `${paths.length} paths`);
  assert.deepEqual(
    guides.flatMap((file) => brokenPaths(file, read(file), project)),
    [],
  );
});

test('the search for broken links can fail', () => {
  const faults = (text: string) => brokenLinks('a/b.md', text, planted).length;
  const bad = ['[x](c.md)', '[x](../a/c.md "title")', '[x]: ../b.md', '![x](x.png)'];
  const noHeading = ['[x](#the-second)', '[x](../README.md#not-this)'];
  for (const text of [...bad, ...noHeading]) assert.equal(faults(text), 1, text);
  const good = ['[x](b.md)', '[x](../README.md)', '[x](../client)', '[x](https://example.org/a)'];
  const headings = ['[x](#the-first)', '[x](../README.md#what-it-is-and-why)'];
  const code = ['`[x](c.md)`', '```\n[x](c.md)\n```'];
  for (const text of [...good, ...headings, ...code]) assert.equal(faults(text), 0, text);
});

test('the search for paths that name nothing can fail', () => {
  const faults = (text: string) => brokenPaths('README.md', text, planted).length;
  const bad = ['`client/src/log.ts`', '`log.ts`', '`test/simulation/`', '`test/*/*.md`', '`al.ts`'];
  for (const text of bad) assert.equal(faults(text), 1, text);
  const good = ['`client/src/wal.ts`', '`src/wal.ts`', '`wal.ts`', '`client/src/`'];
  const others = ['`test/scripts/*/*.txt`', '`config/`', '`/v1/kv/a.ts`', '`npm run x.ts`'];
  for (const text of [...good, ...others]) assert.equal(faults(text), 0, text);
});
