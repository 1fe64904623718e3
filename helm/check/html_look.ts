// What can be told of a page, or of the template that one is made from, without a parser: tags and
// their attributes, comments and scripts left out.

const comment = /<!--[\s\S]*?-->/g;
const script = /(<script\b[^>]*>)[\s\S]*?(<\/script>)/gi;
const tag = /<([a-z][a-z0-9-]*)((?:[^>"']|"[^"]*"|'[^']*')*)>/gi;
const attribute = /([^\s"'<>/=]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+))/g;

/** Whether it begins as a whole document does; end tags may be left out (HTML §13.1.2.4). */
export function isWholeDocument(html: string): boolean {
  return /^<(?:!doctype\s+html|html)\b/i.test(html.replaceAll(comment, "").trimStart());
}

export interface Spotted {
  readonly line: number;
  /** As it stands there, shortened. */
  readonly text: string;
}

/** Whatever is styling of its own: style elements and attributes, and links to style sheets. */
export function findStyling(html: string): Spotted[] {
  return readTags(html).flatMap(({ name, attributes, line }) => {
    const isStyleLink = name === "link" && /\bstylesheet\b/i.test(attributes.get("rel") ?? "");
    if (name === "style") return [{ line, text: "<style>" }];
    if (isStyleLink) return [{ line, text: `<link rel="stylesheet">` }];
    return attributes.has("style") ? [{ line, text: `<${name} style="…">` }] : [];
  });
}

const linking = ["href", "src", "action", "formaction"];

/** Links to a path of this origin: `/notes?page=2`. */
export function findLinks(html: string): Spotted[] {
  return readTags(html).flatMap(({ attributes, line }) =>
    linking.flatMap((name) => {
      const text = attributes.get(name) ?? "";
      return /^\/(?![/\\])/.test(text) ? [{ line, text }] : [];
    }),
  );
}

function readTags(html: string) {
  const blank = (text: string) => text.replaceAll(/[^\n]/g, " ");
  const looked = html
    .replaceAll(comment, blank)
    .replaceAll(script, (whole, open: string, close: string) => {
      return open + blank(whole.slice(open.length, whole.length - close.length)) + close;
    });
  return [...looked.matchAll(tag)].map(({ 1: name = "", 2: rest = "", index }) => ({
    name: name.toLowerCase(),
    line: looked.slice(0, index).split("\n").length,
    attributes: new Map(
      [...rest.matchAll(attribute)].map(([, key = "", double, single, bare]) => {
        return [key.toLowerCase(), double ?? single ?? bare ?? ""] as const;
      }),
    ),
  }));
}
