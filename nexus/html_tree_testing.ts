// For tests: a document's tree as a browser builds it (parse5, scripting enabled), as comparable text.
import { defaultTreeAdapter as adapter, parse, type DefaultTreeAdapterTypes as Tree } from "parse5";

/** What is known by its id, or by where it points, as an addition. */
export interface TreeText {
  /** One line a node, indented by depth; text that touches is one text. */
  readonly lines: string;
  /** The ids of the additions found, with what they are in and what stands before them there. */
  readonly additions: readonly string[];
  readonly hasFrameset: boolean;
  /** `name=viewport` and the like, of each `<meta>` in the head before what was added. */
  readonly meta: ReadonlySet<string>;
}

/** @param nameOf names an element that is an addition, which is then left out of the lines */
export function describeTree(
  page: string,
  nameOf: (element: Tree.Element) => string | undefined = () => undefined,
): TreeText {
  const lines: string[] = [];
  const additions: string[] = [];
  const meta = new Set<string>();
  let hasFrameset = false;
  const walk = (parent: Tree.ParentNode, indent: string) => {
    let text = "";
    let index = 0;
    const flush = () => {
      if (text !== "") lines.push(`${indent}${JSON.stringify(text)}`);
      text = "";
    };
    for (const child of parent.childNodes) {
      if (adapter.isTextNode(child)) {
        text += child.value;
        continue;
      }
      if (adapter.isElementNode(child)) {
        const name = nameOf(child);
        if (name !== undefined) {
          additions.push(`${name} in ${parent.nodeName}, ${index} before`);
          continue;
        }
        index++;
        if (child.tagName === "meta" && parent.nodeName === "head" && additions.length === 0) {
          for (const { name, value } of child.attrs) meta.add(`${name}=${value}`.toLowerCase());
        }
      }
      flush();
      lines.push(indent + describeNode(child));
      hasFrameset ||= child.nodeName === "frameset" && parent.nodeName === "html";
      if ("content" in child) walk(child.content, `${indent}  content `);
      if ("childNodes" in child) walk(child, `${indent}  `);
    }
    flush();
  };
  const document = parse(page);
  lines.push(document.mode);
  walk(document, "");
  return { lines: lines.join("\n"), additions, hasFrameset, meta };
}

function describeNode(node: Tree.ChildNode): string {
  if (adapter.isCommentNode(node)) return `<!--${JSON.stringify(node.data)}`;
  if (adapter.isDocumentTypeNode(node)) {
    return `<!doctype ${JSON.stringify([node.name, node.publicId, node.systemId])}`;
  }
  if (!adapter.isElementNode(node)) return node.nodeName;
  const attributes = node.attrs.map(({ name, value }) => `${name}=${JSON.stringify(value)}`);
  return `<${[node.namespaceURI, node.tagName, ...attributes].join(" ")}`;
}

export function attributeOf({ attrs }: Tree.Element, wanted: string): string {
  return attrs.find(({ name }) => name === wanted)?.value ?? "";
}
