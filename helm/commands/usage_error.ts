// What is said about wrong usage: one line in one wording, with what may have been meant.
import type { Argv } from "yargs";
import { didYouMean } from "../control/near_names.ts";
import { type CommandNode, findCommand, type Positional } from "./command_tree.ts";

export class UsageError extends Error {}

/** As yargs knows the command that it failed in. */
interface FailedCommand {
  getInternalMethods(): {
    getContext(): { commands: string[] };
    getCommandInstance(): { getCommands(): string[] };
  };
  getOptions(): { key: Record<string, unknown> };
}

/**
 * @param message yargs' own, or that of one of our checks
 * @param words of the command line
 * @param tree all commands
 */
export function usageError(
  message: string,
  failed: Argv,
  { words, tree }: { words: readonly string[]; tree: CommandNode },
): UsageError {
  const command = failed as unknown as FailedCommand;
  const { getContext, getCommandInstance } = command.getInternalMethods();
  // Of the arguments only the command itself: others may hold what is not for a screen.
  const path = [...new Set(getContext().commands)].join(" ");
  const name = `helm ${path}`.trim();
  const what = explain(message.trim(), {
    options: Object.keys(command.getOptions().key).map(dashed),
    hasCommands: getCommandInstance().getCommands().length > 0,
    required: findCommand(tree, path)?.positionals.filter(({ isRequired }) => isRequired) ?? [],
    words,
  });
  return new UsageError(`${name}: ${what} ("${name} --help" tells more)`);
}

interface Usage {
  readonly options: readonly string[];
  /** It is a group of commands and does nothing by itself. */
  readonly hasCommands: boolean;
  readonly required: readonly Positional[];
  readonly words: readonly string[];
}

function explain(message: string, usage: Usage): string {
  // yargs misses the command first, also where what is there instead is wrong by itself.
  const stray = message.startsWith("Name a") && usage.words.find((word) => word.startsWith("-"));
  if (stray) return explainUnknown(stray.replace(/^-+|=.*$/g, ""), usage);
  const unknown = /^Unknown arguments?: (.+)$/.exec(message)?.[1];
  if (unknown !== undefined) return explainUnknown(unknown, usage);
  const got = /^Not enough non-option arguments: got (\d+)/.exec(message)?.[1];
  if (got !== undefined) return explainMissing(usage.required[Number(got)]);
  const command = /^Did you mean (.+)\?$/.exec(message)?.[1];
  if (command !== undefined) return `there is no such command; did you mean "${command}"?`;
  const choice = /Argument: (.+), Given: (.+), Choices: (.+)$/.exec(message);
  if (choice === null) return message.replace(/\.$/, "");
  const [, name = "", given, choices] = choice;
  const what = usage.words.some((word) => word.startsWith(dashed(name))) ? dashed(name) : name;
  // yargs takes an option that comes last for one without a value.
  return `${what} ${given === "true" ? "needs a value," : `is ${given}, it has to be`} one of ${choices}`;
}

function explainMissing(missing: Positional | undefined): string {
  return missing === undefined
    ? "an argument is missing"
    : `<${missing.name}> is missing: ${missing.description}`;
}

/** What yargs calls unknown: options without dashes. */
function explainUnknown(names: string, { options, hasCommands, words }: Usage): string {
  const [first = ""] = names.split(", ");
  const given = words.find((word) => new RegExp(`^--?${quoted(first)}(?:=|$)`).test(word));
  if (given !== undefined) {
    const option = given.split("=")[0] ?? given;
    return `there is no option ${option}${didYouMean(option, options)}`;
  }
  if (hasCommands) return `there is no command "${first}"`;
  return `"${first}" is one argument too many`;
}

function dashed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}

function quoted(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
