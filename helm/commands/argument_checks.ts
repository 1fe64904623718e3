// What is asked of arguments before a command begins; an error here is wrong usage (exit status 2).

export function requireWhole(option: string, value: unknown, most: number): true {
  if (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= most) return true;
  throw new Error(`${option} has to be a whole number from 0 to ${most}`);
}

export function requireText(argument: string, value: string): true {
  if (value.trim() !== "") return true;
  throw new Error(`<${argument}> is empty`);
}
