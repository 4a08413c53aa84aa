import type { Command } from 'commander';
import { bashCompletion } from '../completion/bash.ts';
import { fishCompletion } from '../completion/fish.ts';
import { vocabulary } from '../completion/vocabulary.ts';
import { zshCompletion } from '../completion/zsh.ts';
import { exitCodes } from '../failure.ts';
import { type Context, print } from '../io.ts';
import { refuseTable } from '../output.ts';

const scripts = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

/** `completion SHELL`: a script that completes what `program` takes. */
export async function completion(
  context: Context,
  program: Command,
  shell: keyof typeof scripts,
): Promise<number> {
  refuseTable(context, 'completion');
  await print(context.io, scripts[shell](vocabulary(program)));
  return exitCodes.ok;
}
