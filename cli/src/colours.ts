import pc from 'picocolors';
import type { Io } from './io.ts';

export type Colours = ReturnType<typeof pc.createColors>;

/** Colours for standard output: none unless it is a terminal, and none with NO_COLOR. */
export function coloursOf({ stdout, env }: Io): Colours {
  const wanted = (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
  return pc.createColors(wanted && stdout.isTTY === true);
}
