// The commands as a tree, read off the same definitions that yargs gets: for the Tab key, and for tests
// that look at every one of them.
import type { Argv } from "yargs";
import type { Checkout } from "../config/checkout.ts";
import { addCommands } from "./command_table.ts";

export interface CommandNode {
  /** `config set`; empty at the top. */
  readonly path: string;
  readonly description: string;
  readonly commands: readonly CommandNode[];
  readonly positionals: readonly Positional[];
  readonly options: readonly Option[];
  /** Command lines, without what is said about them. */
  readonly examples: readonly string[];
}

export interface Positional extends Argument {
  readonly isRequired: boolean;
}

export interface Argument {
  readonly name: string;
  readonly description: string;
  readonly choices: readonly string[];
  /** May be given several times; of positionals only the last. */
  readonly isRepeatable: boolean;
}

export interface Option extends Argument {
  /** One letter. */
  readonly alias?: string;
  readonly takesValue: boolean;
  /** `--no-…` means something: without it the option counts as given, or the default is neither. */
  readonly isNegatable: boolean;
}

export function readCommandTree(checkout: Checkout): CommandNode {
  return record("", "", (cli) => addCommands(cli, checkout));
}

/** @param path as a node has it */
export function findCommand(command: CommandNode, path: string): CommandNode | undefined {
  if (command.path === path) return command;
  const next = command.commands.find((each) => `${path} `.startsWith(`${each.path} `));
  return next === undefined ? undefined : findCommand(next, path);
}

interface Definition {
  readonly type?: string;
  readonly alias?: string;
  readonly describe?: string;
  readonly choices?: readonly string[];
  readonly array?: boolean;
  readonly default?: unknown;
}

type Build = (cli: Argv) => unknown;

function record(path: string, description: string, build: Build, words = ""): CommandNode {
  const commands: CommandNode[] = [];
  const options: Option[] = [];
  const examples: string[] = [];
  const described = new Map<string, Definition>();
  // What the definitions call of yargs; whatever else they call says nothing about words.
  const calls: Readonly<Record<string, (...given: never[]) => void>> = {
    command(usage: string, description: string, builder: unknown) {
      const [name = "", ...rest] = usage.split(" ");
      const inner = typeof builder === "function" ? (builder as Build) : () => {};
      commands.push(record(`${path} ${name}`.trim(), description, inner, rest.join(" ")));
    },
    option(name: string, definition: Definition) {
      options.push(toOption(name, definition));
    },
    positional(name: string, definition: Definition) {
      described.set(name, definition);
    },
    example(example: string) {
      examples.push(example);
    },
  };
  const recorder: unknown = new Proxy(
    {},
    {
      get: (_target, call: string) => {
        return (...given: never[]) => {
          calls[call]?.(...given);
          return recorder;
        };
      },
    },
  );
  build(recorder as Argv);
  const positionals = [...words.matchAll(/([<[])([\w-]+)(\.\.)?[>\]]/g)].map(
    ([, bracket, name = "", dots]) => ({
      ...toArgument(name, described.get(name) ?? {}),
      isRequired: bracket === "<",
      isRepeatable: dots !== undefined,
    }),
  );
  return { path, description, commands, positionals, options, examples };
}

function toArgument(name: string, { describe = "", choices = [], array }: Definition): Argument {
  return { name, description: describe, choices, isRepeatable: array === true };
}

function toOption(name: string, definition: Definition): Option {
  const takesValue = definition.type !== "boolean";
  return {
    ...toArgument(name, definition),
    ...(definition.alias !== undefined && { alias: definition.alias }),
    takesValue,
    isNegatable: !takesValue && definition.default !== false,
  };
}
