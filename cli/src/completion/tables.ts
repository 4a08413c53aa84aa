/** What a program takes, as functions that bash and zsh both read. Each answers in REPLY. */
import type { KnownOption, Place, Values, Vocabulary } from './vocabulary.ts';

/**
 * `_lockstep_place PATH` is true for the path of a verb, `_lockstep_runs PATH` if a command may follow
 * its "--"; `_lockstep_words` and `_lockstep_options` give what may stand there, and
 * `_lockstep_values PATH OPTION` is true for an option that takes a value and says which.
 */
export function tables({ places }: Vocabulary): string {
  const shared = places[0]?.options ?? [];
  const verbs = places.filter(({ path }) => path.length > 0);
  return `
_lockstep_place() {
  case "$1" in
    ${verbs.map(pathPattern).join(' | ')}) return 0 ;;
  esac
  return 1
}
_lockstep_runs() {
  case "$1" in
    ${verbs
      .filter(({ runsCommand }) => runsCommand)
      .map(pathPattern)
      .join(' | ')}) return 0 ;;
  esac
  return 1
}
_lockstep_words() {
  case "$1" in
${places.map((place) => `    ${pathPattern(place)}) REPLY=${quoted(wordsAt(place).join(' '))} ;;`).join('\n')}
  esac
}
_lockstep_options() {
  case "$1" in
${places.map((place) => `    ${pathPattern(place)}) REPLY=${quoted(flagsAt(place, shared).join(' '))} ;;`).join('\n')}
  esac
}
_lockstep_values() {
  case "$1:$2" in
${verbs.flatMap((place) => place.options.flatMap((option) => valuesRow(`${pathOf(place)}:`, option))).join('\n')}
${shared.flatMap((option) => valuesRow('', option)).join('\n')}
    *) return 1 ;;
  esac
}
`;
}

/** What may stand at a place but for options. */
export function wordsAt({ verbs, operand }: Place): readonly string[] {
  return operand.kind === 'choices' ? operand.choices : verbs.map(({ name }) => name);
}

function flagsAt({ path, options }: Place, shared: readonly KnownOption[]): string[] {
  const all = path.length === 0 ? options : [...options, ...shared];
  return [...new Set(all.flatMap(({ flags }) => flags))];
}

function pathOf({ path }: Place): string {
  return path.join(' ');
}

function pathPattern(place: Place): string {
  return quoted(pathOf(place));
}

/** Options of the program stand behind every verb. */
function valuesRow(prefix: string, { flags, values }: KnownOption): string[] {
  if (values === undefined) return [];
  const patterns = flags.map((flag) => (prefix === '' ? `*:${flag}` : quoted(prefix + flag)));
  return [`    ${patterns.join(' | ')}) REPLY=${quoted(sayValues(values))} ;;`];
}

function sayValues(values: Values): string {
  return values.kind === 'choices' ? `choices ${values.choices.join(' ')}` : values.kind;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
