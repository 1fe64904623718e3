// What the Tab key offers. The shell's part asks the command line itself (`--get-yargs-completions`), so
// that nothing has to be kept in step with the commands.
import { readFileSync } from "node:fs";
import type { Argv } from "yargs";
import type { Checkout } from "../config/checkout.ts";
import { serviceNames } from "../config/service_names.ts";
import { print } from "./output.ts";

const scripts = {
  bash: `_hivematrix_helm() {
  local current="\${COMP_WORDS[COMP_CWORD]}" found
  found=$(SHELL=bash "\${COMP_WORDS[0]}" --get-yargs-completions "\${COMP_WORDS[@]:0:COMP_CWORD+1}" 2>/dev/null)
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$found" -- "$current"))
}
complete -o default -F _hivematrix_helm helm`,
  zsh: `_hivematrix_helm() {
  local -a found
  found=("\${(@f)$(SHELL=zsh "\${words[1]}" --get-yargs-completions "\${(@)words[1,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${found[1]}" ]]; then _describe helm found; else _default; fi
}
compdef _hivematrix_helm helm`,
  fish: `function __hivematrix_helm
  set -l words (commandline -opc) (commandline -ct)
  env SHELL=fish $words[1] --get-yargs-completions $words 2>/dev/null
end
complete -c helm -f -a '(__hivematrix_helm)'`,
} as const;

type Shell = keyof typeof scripts;

/** `helm completion <shell>`, and what it leads to. */
export function addCompletion(cli: Argv): void {
  cli.command(
    "completion <shell>",
    "Print what makes a shell complete this command line",
    (y) =>
      y
        .positional("shell", { choices: Object.keys(scripts) as Shell[], demandOption: true })
        .example('eval "$($0 completion bash)"', "in ~/.bashrc; the same with zsh in ~/.zshrc")
        .example("$0 completion fish | source", "in ~/.config/fish/config.fish"),
    ({ shell }) => print(scripts[shell]),
  );
}

const takesServices: ReadonlySet<string> = new Set([
  "start",
  "stop",
  "restart",
  "logs",
  "update",
  "uninstall",
]);

/**
 * Names of services where they may stand; yargs knows commands and options.
 *
 * @param words of the command line so far, `helm` included, the last of them unfinished
 */
export function printServices(checkout: Checkout, words: readonly string[]): void {
  const [, command = "", ...rest] = words;
  const isOption = words.at(-1)?.startsWith("-") || words.at(-2)?.startsWith("-");
  if (!takesServices.has(command) || isOption) return;
  for (const name of services(checkout)) if (!rest.includes(name)) print(name);
}

/** At once, and without a word about what is wrong: whoever presses Tab asked for neither. */
function services({ masterConfigFile }: Checkout): string[] {
  try {
    return serviceNames(JSON.parse(readFileSync(masterConfigFile, "utf8")));
  } catch {
    return [];
  }
}
