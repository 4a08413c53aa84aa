/** Loaded before a process: from here on the modules of the bug that LOCKSTEP_PLANTED names are those with the bug. */
import { register } from 'node:module';
import { findBug } from './all-bugs.ts';
import { patchedModules } from './planted-bug.ts';

const bug = findBug(process.env.LOCKSTEP_PLANTED ?? '');
register('./load-hook.js', import.meta.url, { data: patchedModules(bug) });
