import { tables } from './tables.ts';
import type { Vocabulary } from './vocabulary.ts';

/** A script for zsh with its completion system, to be sourced or put into a directory of fpath. */
export function zshCompletion(vocabulary: Vocabulary): string {
  return `#compdef lockstep
# Completes lockstep in zsh: source <(lockstep completion zsh)
${tables(vocabulary)}
_lockstep() {
  local REPLY='' at='' word option=\${words[CURRENT-1]} cur=\${words[CURRENT]}
  local -i i
  for ((i = 2; i < CURRENT; i++)); do
    word=\${words[i]}
    case $word in
      --)
        if _lockstep_runs "$at"; then
          words=("\${(@)words[i+1,-1]}")
          ((CURRENT -= i))
          _normal
        fi
        return
        ;;
      -*) if _lockstep_values "$at" "$word"; then ((i++)); fi ;;
      *) if _lockstep_place "\${at:+$at }$word"; then at="\${at:+$at }$word"; fi ;;
    esac
  done
  if [[ $cur == --*=* ]]; then
    option=\${cur%%=*}
    compset -P '*='
  fi
  if [[ $option == -* ]] && _lockstep_values "$at" "$option"; then
    case $REPLY in
      choices*) compadd -- \${=REPLY#choices} ;;
      files) _files ;;
      directories) _files -/ ;;
    esac
    return
  fi
  if [[ $cur == -* ]]; then _lockstep_options "$at"; else _lockstep_words "$at"; fi
  compadd -- \${=REPLY}
}
if [[ \${zsh_eval_context[-1]} == loadautofunc ]]; then
  _lockstep "$@"
else
  compdef _lockstep lockstep
fi
`;
}
