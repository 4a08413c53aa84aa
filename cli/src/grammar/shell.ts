import { Argument } from 'commander';
import { type Grammar, withExamples } from './grammar.ts';

/** What is about the command itself and asks no member. */
export function addShellVerbs({ program, context, run }: Grammar): void {
  const completion = program
    .command('completion')
    .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(['bash', 'zsh', 'fish']))
    .summary('print what completes the command in your shell')
    .description('Prints a script that completes verbs, options and their values in your shell.')
    .action(async (shell: 'bash' | 'zsh' | 'fish') =>
      run((await import('../verbs/completion.ts')).completion(context(), program, shell)),
    );
  withExamples(
    completion,
    `
# in this bash, or in each new one
source <(lockstep completion bash)
echo 'source <(lockstep completion bash)' >> ~/.bashrc
# in each new zsh (with compinit in your ~/.zshrc)
echo 'source <(lockstep completion zsh)' >> ~/.zshrc
# in each new fish
mkdir -p ~/.config/fish/completions
lockstep completion fish > ~/.config/fish/completions/lockstep.fish`,
  );
  const help = program
    .command('help [topic...]')
    .summary('print the help of a verb, or on a topic')
    .description('Prints the help of a verb, or on a topic: exit-codes or environment.')
    .action(async (words: string[]) =>
      run((await import('../verbs/help.ts')).help(context(), program, words)),
    );
  withExamples(
    help,
    'lockstep help put\nlockstep help lease grant\nlockstep help exit-codes\nlockstep help environment',
  );
}
