import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';

/**
 * Golden scripts: a text file of commands, a line `---`, and the trace they must give; blank lines
 * separate such blocks, `#` begins a comment. One world lives from the first block to the last.
 * With UPDATE=1 in the environment the traces are rewritten; read the diff before committing it.
 *
 *   # Why this matters.
 *   put a=1
 *   (compact rev=2)        a command in parentheses leaves no trace
 *   ---
 *   a=1 rev=2
 */
export function runScript(file: string, run: (command: Command) => Iterable<string>): void {
  const text = readFileSync(file, 'utf8');
  const actual = parseScript(text, file)
    .map((block) => render(block, run))
    .join('\n\n');
  if (process.env.UPDATE === '1') writeFileSync(file, `${actual}\n`);
  else assert.equal(`${actual}\n`, text, `${file} does not give its trace; UPDATE=1 rewrites it`);
}

/** The script is wrong, as opposed to what it tests. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError';
}

export interface Block {
  /** As written: comments and commands. */
  readonly input: readonly string[];
  readonly commands: readonly Command[];
}

/** One line: a verb, then words; a word with `=` in it is an option. Double quotes keep spaces together. */
export class Command {
  readonly verb: string;
  readonly silent: boolean;
  /** File and line, for messages. */
  readonly where: string;
  readonly #words: string[] = [];
  readonly #options = new Map<string, string>();

  constructor(line: string, where: string) {
    this.where = where;
    this.silent = line.startsWith('(') && line.endsWith(')');
    const [verb, ...rest] = wordsOf(this.silent ? line.slice(1, -1) : line);
    if (verb === undefined) throw new ScriptError(`${where}: a command needs a verb`);
    this.verb = verb;
    for (const word of rest) {
      const equals = word.indexOf('=');
      if (equals < 1) this.#words.push(word);
      else this.#options.set(word.slice(0, equals), word.slice(equals + 1));
    }
  }

  /** The next word; it must be there. */
  word(what: string): string {
    return this.maybeWord() ?? this.fail(`"${this.verb}" needs ${what}`);
  }

  maybeWord(): string | undefined {
    return this.#words.shift();
  }

  /** All words that are left. */
  words(): string[] {
    return this.#words.splice(0);
  }

  option(name: string): string | undefined {
    const value = this.#options.get(name);
    this.#options.delete(name);
    return value;
  }

  integer(name: string, fallback: number): number {
    const value = this.option(name);
    if (value === undefined) return fallback;
    if (!/^-?\d+$/.test(value)) this.fail(`${name}=${value} is not an integer`);
    return Number(value);
  }

  /** `name=a,b,c` as a list. */
  list(name: string): string[] | undefined {
    return this.option(name)
      ?.split(',')
      .filter((item) => item !== '');
  }

  /** All options that are left, in the order they were written. */
  options(): [string, string][] {
    const left = [...this.#options];
    this.#options.clear();
    return left;
  }

  /** A misspelt option must not be ignored. */
  finish(): void {
    const left = [...this.#words, ...this.#options.keys()];
    if (left.length > 0) this.fail(`"${this.verb}" does not know what to do with "${left[0]}"`);
  }

  fail(message: string): never {
    throw new ScriptError(`${this.where}: ${message}`);
  }
}

export function parseScript(text: string, file: string): Block[] {
  const blocks: Block[] = [];
  let input: string[] = [];
  let commands: Command[] = [];
  let inTrace = false;
  const end = () => {
    if (input.length > 0) blocks.push({ input, commands });
    input = [];
    commands = [];
    inTrace = false;
  };
  for (const [at, line] of text.split('\n').entries()) {
    if (line.trim() === '') end();
    else if (line === '---') inTrace = true;
    else if (!inTrace) {
      input.push(line);
      if (!line.startsWith('#')) commands.push(new Command(line.trim(), `${file}:${at + 1}`));
    }
  }
  end();
  return blocks;
}

function render(block: Block, run: (command: Command) => Iterable<string>): string {
  if (block.commands.length === 0) return block.input.join('\n');
  const trace: string[] = [];
  for (const command of block.commands) {
    const lines = [...run(command)];
    command.finish();
    if (!command.silent) trace.push(...lines);
  }
  return [...block.input, '---', ...(trace.length === 0 ? ['ok'] : trace)].join('\n');
}

function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:[^\s"]|"[^"]*")+/g)].map(([word]) => word.replaceAll('"', ''));
}
