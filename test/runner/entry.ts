/**
 * What a test process runs: each file of its command line becomes a suite named after it, so that
 * the reporter sees which file a test came from, and hooks of one file do not reach into the next.
 */
import { describe } from 'node:test';
import { pathToFileURL } from 'node:url';

for (const file of process.argv.slice(2)) {
  await new Promise<void>((loaded) => {
    describe(file, async () => {
      try {
        await import(pathToFileURL(file).href);
      } finally {
        loaded();
      }
    });
  });
}
