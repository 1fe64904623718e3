// Help as a person reads it: without what yargs says about types and about defaults that go without saying.
const noise = /\[(?:boolean|string|number|array|required|default: (?:false|\[\]|""))\]/g;

export function tidyHelp(text: string): string {
  return text
    .split("\n")
    .flatMap((line) => {
      const tidied = line.replaceAll(noise, "").trimEnd();
      // What had a line of its own only because it was too long.
      return tidied === "" && line.trim() !== "" ? [] : [tidied];
    })
    .join("\n");
}
