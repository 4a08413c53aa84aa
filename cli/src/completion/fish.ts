import { wordsAt } from './tables.ts';
import type { KnownOption, Place, Values, Vocabulary } from './vocabulary.ts';

/** A script for fish 3 and newer. */
export function fishCompletion({ places }: Vocabulary): string {
  const [program, ...verbs] = places;
  const shared = program?.options ?? [];
  const rows = [
    ...shared.map((option) => optionRow(option, undefined)),
    ...verbs.flatMap((place) =>
      place.options.filter((one) => !isHelp(one)).map((option) => optionRow(option, place)),
    ),
    ...places.flatMap(wordRows),
    ...verbs.filter(({ runsCommand }) => runsCommand).map(commandRow),
  ];
  return `# Completes lockstep in fish: lockstep completion fish > ~/.config/fish/completions/lockstep.fish
function __lockstep_place
    set -l at
    set -l skip 0
    set -l tokens (commandline -opc)
    set -e tokens[1]
    for word in $tokens
        if test $skip = 1
            set skip 0
            continue
        end
        switch $word
            case --
                echo "$at --"
                return
            case '-*'
                switch "$at:$word"
                    case ${valuePatterns(places).join(' ')}
                        set skip 1
                end
            case '*'
                set -l next (string trim -- "$at $word")
                if contains -- $next ${verbs.map(({ path }) => quoted(path.join(' '))).join(' ')}
                    set at $next
                end
        end
    end
    echo $at
end
function __lockstep_at
    set -l at (__lockstep_place)
    test "$at" = "$argv[1]"
end
complete -c lockstep -f
${rows.join('\n')}
`;
}

function valuePatterns([program, ...verbs]: readonly Place[]): string[] {
  const taking = (place: Place | undefined) =>
    (place?.options ?? []).filter(({ values }) => values !== undefined);
  const own = verbs.flatMap((place) =>
    taking(place).flatMap(({ flags }) => flags.map((flag) => `${place.path.join(' ')}:${flag}`)),
  );
  const everywhere = taking(program).flatMap(({ flags }) => flags.map((flag) => `*:${flag}`));
  return [...own, ...everywhere].map(quoted);
}

function isHelp({ flags }: KnownOption): boolean {
  return flags.includes('--help');
}

function optionRow({ flags, description, values }: KnownOption, place: Place | undefined): string {
  const names = flags.map((flag) =>
    flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
  );
  return [
    ...['complete -c lockstep', ...(place === undefined ? [] : [`-n ${at(place)}`]), ...names],
    ...(values === undefined ? [] : [valueOption(values)]),
    `-d ${quoted(description)}`,
  ].join(' ');
}

function valueOption(values: Values): string {
  switch (values.kind) {
    case 'choices':
      return `-x -a ${quoted(values.choices.join(' '))}`;
    case 'files':
      return '-r -F';
    case 'directories':
      return "-x -a '(__fish_complete_directories)'";
    case 'any':
      return '-x';
  }
}

function wordRows(place: Place): string[] {
  return wordsAt(place).map((word) => {
    const description = place.verbs.find(({ name }) => name === word)?.description;
    const shown = description === undefined ? '' : ` -d ${quoted(description)}`;
    return `complete -c lockstep -n ${at(place)} -a ${quoted(word)}${shown}`;
  });
}

function commandRow(place: Place): string {
  const behind = quoted(`__lockstep_at ${doubled(`${place.path.join(' ')} --`)}`);
  return `complete -c lockstep -n ${behind} -a '(__fish_complete_command)' -F`;
}

function at({ path }: Place): string {
  return quoted(`__lockstep_at ${doubled(path.join(' '))}`);
}

function doubled(text: string): string {
  return `"${text}"`;
}

/** In single quotes fish knows two escapes. */
function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
