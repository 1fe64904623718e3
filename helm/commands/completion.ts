// What the Tab key offers. The shell's part asks the command line itself (`helm --complete <shell> …`), so
// that nothing has to be kept in step with the commands. Whoever presses Tab has asked for no error and
// has no time, so what cannot be had at once is not offered.
import type { Checkout } from "../config/checkout.ts";
import { type Argument, type CommandNode, type Option, readCommandTree } from "./command_tree.ts";
import { findValues } from "./completion_values.ts";
import { print } from "./output.ts";

/** The first word of the command line that a shell's part sends. */
export const completionRequest = "--complete";

export interface Offer {
  readonly text: string;
  readonly description?: string;
}

/**
 * Prints what could stand in place of the last word, a line each, as the shell's part takes it.
 *
 * @param words the shell's name and those after `helm`, the last of them unfinished
 */
export async function printOffers(checkout: Checkout, words: readonly string[]): Promise<void> {
  const [shell = "", ...typed] = words;
  const found = await findOffers(checkout, joinAssigned(typed));
  const seen = new Set<string>();
  for (const offer of found) {
    if (seen.has(offer.text) || !isHarmless(offer.text)) continue;
    seen.add(offer.text);
    print(formatOffer(shell, offer, typed.at(-1) ?? ""));
  }
}

/** bash makes three words of `--level=warn`. */
function joinAssigned(words: readonly string[]): string[] {
  const joined: string[] = [];
  for (const [index, word] of words.entries()) {
    const isValue = words[index - 1] === "=" && words[index - 2]?.startsWith("--") === true;
    const isSign = word === "=" && words[index - 1]?.startsWith("--") === true;
    if (isValue || isSign) joined.push(`${joined.pop()}${word}`);
    else joined.push(word);
  }
  return joined;
}

/** No name may move the cursor, be two lines, or turn into an option. */
function isHarmless(text: string): boolean {
  return text !== "" && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text);
}

function formatOffer(shell: string, { text, description = "" }: Offer, current: string): string {
  const told = description.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").trim();
  if (shell === "fish") return told === "" ? text : `${text}\t${told}`;
  if (shell === "zsh") {
    const name = text.replaceAll(/[\\:]/g, "\\$&");
    return told === "" ? name : `${name}:${told}`;
  }
  // bash replaces only what follows the sign.
  const isAssigned = current === "=" || /^--[\w-]+=/.test(text);
  return isAssigned ? text.slice(text.indexOf("=") + 1) : text;
}

/** @param words after `helm`, the last of them unfinished */
export async function findOffers(checkout: Checkout, words: readonly string[]): Promise<Offer[]> {
  const place = locate(readCommandTree(checkout), words);
  const { node, pending, current } = place;
  const find = async (argument: Argument, option: string, begin: string) => {
    const { choices } = argument;
    const values =
      choices.length > 0
        ? choices.map((text): Offer => ({ text }))
        : await findValues(checkout, { ...place, argument: option, begin });
    return values.filter(({ text }) => text.startsWith(begin));
  };
  if (pending !== undefined) return await find(pending, `--${pending.name}`, current);
  const [, name, begin = ""] = /^(--[\w-]+)=(.*)$/s.exec(current) ?? [];
  if (name !== undefined) {
    const option = findOption(node, name);
    if (option === undefined) return [];
    const values = await find(option, name, begin);
    return values.map((offer) => ({ ...offer, text: `${name}=${offer.text}` }));
  }
  if (current.startsWith("-")) return optionOffers(place);
  const offers = place.positionals.length === 0 ? commandOffers(node, current) : [];
  const positional = nextPositional(place);
  if (positional !== undefined) {
    const values = await find(positional, positional.name, current);
    const others = values.filter(
      ({ text }) => !text.startsWith("-") && !place.positionals.includes(text),
    );
    offers.push(...others);
  }
  return offers.length === 0 && current === "" ? optionOffers(place) : offers;
}

export interface Place {
  readonly node: CommandNode;
  /** What stands before the unfinished word, without commands and options. */
  readonly positionals: readonly string[];
  /** Options by name, with their value where they have one. */
  readonly given: ReadonlyMap<string, string | undefined>;
  /** The option whose value the unfinished word is. */
  readonly pending: Option | undefined;
  readonly current: string;
}

function locate(root: CommandNode, words: readonly string[]): Place {
  let node = root;
  let pending: Option | undefined;
  const positionals: string[] = [];
  const given = new Map<string, string | undefined>();
  for (const word of words.slice(0, -1)) {
    const command = node.commands.find(({ path }) => path.split(" ").at(-1) === word);
    if (pending !== undefined) {
      given.set(pending.name, word);
      pending = undefined;
    } else if (word.startsWith("-")) {
      const [name = "", value] = word.split("=", 2);
      const option = findOption(node, name);
      if (option !== undefined) given.set(option.name, value);
      if (option?.takesValue && value === undefined) pending = option;
    } else if (command !== undefined && positionals.length === 0) {
      node = command;
      given.clear();
    } else positionals.push(word);
  }
  return { node, positionals, given, pending, current: words.at(-1) ?? "" };
}

/** @param word `--level`, `--no-restart` or `-f` */
function findOption({ options }: CommandNode, word: string): Option | undefined {
  return options.find(({ name, alias, isNegatable }) => {
    const isNegated = isNegatable && word === `--no-${name}`;
    return word === `--${name}` || (alias !== undefined && word === `-${alias}`) || isNegated;
  });
}

function nextPositional({ node, positionals }: Place): Argument | undefined {
  const last = node.positionals.at(-1);
  return node.positionals[positionals.length] ?? (last?.isRepeatable ? last : undefined);
}

function commandOffers({ commands }: CommandNode, current: string): Offer[] {
  return commands
    .map(({ path, description }) => ({ text: path.split(" ").at(-1) ?? "", description }))
    .filter(({ text }) => text.startsWith(current));
}

function optionOffers({ node, given, current }: Place): Offer[] {
  const options = node.options.filter(({ name, isRepeatable }) => isRepeatable || !given.has(name));
  const offers = options.flatMap(({ name, description, isNegatable }): Offer[] => [
    { text: `--${name}`, description },
    ...(isNegatable ? [{ text: `--no-${name}`, description }] : []),
  ]);
  offers.push({ text: "--help", description: "Show help" });
  return offers.filter(({ text }) => text.startsWith(current));
}
