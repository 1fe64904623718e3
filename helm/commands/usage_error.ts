// What is said about wrong usage: one line in one wording, with what may have been meant.
import type { Argv } from "yargs";
import { didYouMean } from "../control/near_names.ts";

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
 */
export function usageError(message: string, failed: Argv, words: readonly string[]): UsageError {
  const command = failed as unknown as FailedCommand;
  const { getContext, getCommandInstance } = command.getInternalMethods();
  // Of the arguments only the command itself: others may hold what is not for a screen.
  const name = ["helm", ...new Set(getContext().commands)].join(" ");
  const what = explain(message.trim(), {
    options: Object.keys(command.getOptions().key).map(dashed),
    hasCommands: getCommandInstance().getCommands().length > 0,
    words,
  });
  return new UsageError(`${name}: ${what} ("${name} --help" tells more)`);
}

interface Usage {
  readonly options: readonly string[];
  /** It is a group of commands and does nothing by itself. */
  readonly hasCommands: boolean;
  readonly words: readonly string[];
}

function explain(message: string, usage: Usage): string {
  const unknown = /^Unknown arguments?: (.+)$/.exec(message)?.[1];
  if (unknown !== undefined) return explainUnknown(unknown, usage);
  if (message.startsWith("Not enough non-option arguments")) return "an argument is missing";
  const command = /^Did you mean (.+)\?$/.exec(message)?.[1];
  if (command !== undefined) return `there is no such command; did you mean "${command}"?`;
  const choice = /Argument: (.+), Given: (.+), Choices: (.+)$/.exec(message);
  if (choice === null) return message.replace(/\.$/, "");
  const [, name = "", given, choices] = choice;
  const what = usage.words.some((word) => word.startsWith(dashed(name))) ? dashed(name) : name;
  // yargs takes an option that comes last for one without a value.
  return `${what} ${given === "true" ? "needs a value," : `is ${given}, it has to be`} one of ${choices}`;
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
