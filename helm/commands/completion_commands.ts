// The shells' parts of what the Tab key does: each asks the command line what could stand there.
import type { Argv } from "yargs";
import { print } from "./output.ts";

const scripts = {
  // What is offered may be a name that somebody else chose: it is quoted, and never expanded.
  bash: `_hivematrix_helm() {
  local offer quoted helm="\${COMP_WORDS[0]/#\\~\\//$HOME/}"
  COMPREPLY=()
  while IFS= read -r offer; do
    printf -v quoted %q "$offer"
    COMPREPLY+=("$quoted")
  done < <("$helm" --complete bash "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  case "\${COMPREPLY[*]}" in *.) compopt -o nospace 2>/dev/null ;; esac
}
complete -o default -F _hivematrix_helm helm`,
  zsh: `_hivematrix_helm() {
  local offer
  local -a groups others
  while IFS= read -r offer; do
    if [[ "\${offer%%:*}" == *. ]]; then groups+=("$offer"); else others+=("$offer"); fi
  done < <("\${words[1]/#\\~\\//$HOME/}" --complete zsh "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( ! $#groups && ! $#others )); then _default; return; fi
  (( $#groups )) && _describe -t groups helm groups -S ''
  (( $#others )) && _describe -t others helm others
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }
compdef _hivematrix_helm helm`,
  fish: `function __hivematrix_helm
  set -l words (commandline -opc)
  set -l helm (string replace -r '^~/' "$HOME/" -- $words[1])
  set -l offers ($helm --complete fish $words[2..-1] (commandline -ct) 2>/dev/null)
  if set -q offers[1]
    printf '%s\\n' $offers
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c helm -f -a '(__hivematrix_helm)'`,
} as const;

type Shell = keyof typeof scripts;

/** `helm completion <shell>` */
export function addCompletion(cli: Argv): void {
  cli.command(
    "completion <shell>",
    "Print what makes a shell complete this command line",
    (y) =>
      y
        .positional("shell", {
          choices: Object.keys(scripts) as Shell[],
          demandOption: true,
          describe: "the one that you type in",
        })
        .example('eval "$($0 completion bash)"', "in ~/.bashrc")
        .example('eval "$($0 completion zsh)"', "in ~/.zshrc, after compinit")
        .example("$0 completion fish | source", "in ~/.config/fish/config.fish"),
    ({ shell }) => print(scripts[shell]),
  );
}
