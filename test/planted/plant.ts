/** Loaded before a process: from here on the module of the bug that LOCKSTEP_PLANTED names is the one with the bug. */
import { register } from 'node:module';
import { findBug } from './all-bugs.ts';
import { patchedSource, urlOf } from './planted-bug.ts';

const bug = findBug(process.env.LOCKSTEP_PLANTED ?? '');
register('./load-hook.js', import.meta.url, {
  data: { url: urlOf(bug).href, source: patchedSource(bug), name: bug.name },
});
