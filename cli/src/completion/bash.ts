import { tables } from './tables.ts';
import type { Vocabulary } from './vocabulary.ts';

/** A script for bash 3.2 and newer that needs no other package. */
export function bashCompletion(vocabulary: Vocabulary): string {
  return `# Completes lockstep in bash: source <(lockstep completion bash)
${tables(vocabulary)}
_lockstep() {
  local REPLY='' at='' word i
  local cur=\${COMP_WORDS[COMP_CWORD]} option=\${COMP_WORDS[COMP_CWORD-1]}
  # "--output=json" is three words for bash.
  if [[ $cur == '=' ]]; then
    cur=''
  elif [[ $option == '=' ]]; then
    option=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case $word in
      =) ((i++)) ;;
      --)
        if _lockstep_runs "$at"; then COMPREPLY=($(compgen -c -f -- "$cur")); fi
        return
        ;;
      -*)
        if _lockstep_values "$at" "$word" && [[ \${COMP_WORDS[i+1]} != '=' ]]; then ((i++)); fi
        ;;
      *)
        if _lockstep_place "\${at:+$at }$word"; then at="\${at:+$at }$word"; fi
        ;;
    esac
  done
  if [[ $option == -* ]] && _lockstep_values "$at" "$option"; then
    case $REPLY in
      choices*) COMPREPLY=($(compgen -W "\${REPLY#choices}" -- "$cur")) ;;
      files) COMPREPLY=($(compgen -f -- "$cur")) ;;
      directories) COMPREPLY=($(compgen -d -- "$cur")) ;;
    esac
    return
  fi
  if [[ $cur == -* ]]; then _lockstep_options "$at"; else _lockstep_words "$at"; fi
  COMPREPLY=($(compgen -W "$REPLY" -- "$cur"))
}
complete -F _lockstep lockstep
`;
}
