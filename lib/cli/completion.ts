// `mmpy completion`: scripts that call `mmpy __complete` at every key, so the completions always match the installed
// version.
import type { Shell } from "./catalog.js";
import type { CommandLine } from "./options.js";
import { print } from "./output.js";

export function completion({ operand }: CommandLine): number {
  print(SCRIPTS[operand as Shell]);
  return 0;
}

// For bash 3.2 or later. The line is split here, since bash ends words at `=` and `:`, and replaces only the text after the
// last one.
const BASH = `# Completion of mmpy for bash. In ~/.bashrc: source <(mmpy completion bash)
_mmpy() {
  local IFS=$' \\t\\n' words after current breaks replaced word explanation
  read -a words <<< "\${COMP_LINE:0:COMP_POINT}"
  while [[ \${#words[@]} -gt 0 && \${words[0]} != "$1" ]]; do words=("\${words[@]:1}"); done
  words=("\${words[@]:1}")
  [[ \${COMP_LINE:0:COMP_POINT} == *[[:space:]] ]] && words+=("")
  read -a after <<< "\${COMP_LINE:COMP_POINT}"
  [[ \${COMP_LINE:COMP_POINT} == [![:space:]]* ]] && after=("\${after[@]:1}")
  [[ \${#words[@]} -gt 0 ]] || return
  current=\${words[\${#words[@]}-1]}
  breaks=\${COMP_WORDBREAKS//[^=:]/}
  replaced=$current
  [[ -n $breaks ]] && replaced=\${current##*[$breaks]}
  COMPREPLY=()
  while IFS=$'\\t' read -r word explanation; do
    case $word in
      :config)
        compopt -o filenames 2> /dev/null
        while IFS= read -r word; do COMPREPLY+=("$word"); done \\
          < <(compgen -f -X '!*.cfg' -- "$replaced"; compgen -d -- "$replaced")
        ;;
      :files)
        compopt -o filenames 2> /dev/null
        while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "\${current#*=}")
        ;;
      *) COMPREPLY+=("\${word#"\${current%"$replaced"}"}") ;;
    esac
  done < <("$1" __complete $((\${#words[@]} - 1)) "\${words[@]}" "\${after[@]}" 2> /dev/null)
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *[=.] ]] && compopt -o nospace 2> /dev/null
  return 0
}
complete -F _mmpy mmpy
`;

const ZSH = `#compdef mmpy
# Completion of mmpy for zsh. In ~/.zshrc, after compinit: source <(mmpy completion zsh)
_mmpy() {
  local line word
  local -a lines complete open
  lines=("\${(@f)$("\${(Q)words[1]}" __complete $((CURRENT - 2)) "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" \\
    "\${(@Q)words[CURRENT+1,-1]}" 2> /dev/null)}")
  for line in $lines; do
    case $line in
      :config) _files -g '*.cfg' ;;
      :files) compset -P '*=' && _files ;;
      *)
        word=\${line%%$'\\t'*}
        line=\${word//:/\\\\:}\${\${line#"$word"}/$'\\t'/:}
        if [[ $word == *[=.] ]]; then open+=("$line"); else complete+=("$line"); fi
        ;;
    esac
  done
  (( $#complete )) && _describe -t words 'mmpy' complete
  (( $#open )) && _describe -t words 'mmpy' open -S ''
}
if [[ $funcstack[1] == _mmpy ]]; then _mmpy "$@"; else compdef _mmpy mmpy; fi
`;

const FISH = `# Completion of mmpy for fish. In ~/.config/fish/config.fish: mmpy completion fish | source
function __mmpy_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    set -l all (commandline -op)
    set -l next (math (count $before) + 1)
    test -n "$current"; and set next (math $next + 1)
    set -l after
    set -q all[$next]; and set after $all[$next..-1]
    for line in ($before[1] __complete (math (count $before) - 1) $before[2..-1] "$current" $after 2> /dev/null)
        switch $line
            case :config
                __fish_complete_suffix .cfg
            case :files
                set -l option (string match -r '^[^=]*=' -- $current)
                for file in (__fish_complete_path (string replace -r '^[^=]*=' '' -- $current))
                    echo $option$file
                end
            case '*'
                echo $line
        end
    end
end
complete -c mmpy -f -a '(__mmpy_complete)'
`;

const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
