// For tests: HTML documents as people, programs and enemies write them, for fast-check.
import fc from "fast-check";

const oneOf = (...parts: string[]) => fc.constantFrom(...parts);
const joined = (part: fc.Arbitrary<string>, maxLength: number) =>
  fc.array(part, { maxLength }).map((parts) => parts.join(""));

const space = oneOf(..." |\n|\t|\f|\r\n|\r|  |\v".split("|"));
const text = oneOf(
  "text",
  "a < b",
  "&lt;body>",
  "&amp",
  "\0",
  "\u00e9\u00ff",
  "]]>",
  "-->",
  ">",
  "<",
  "</",
  "<!",
);
const doctype = oneOf(
  "<!DOCTYPE html>",
  "<!doctype HTML >",
  '<!DOCTYPE html PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd">',
  "<!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0 Frameset//EN' '>",
  '<!DOCTYPE html SYSTEM "about:legacy-compat">',
  "<!DOCTYPE",
  "<!doctype>",
);

/** What may stand inside quotes without being what it looks like. */
const quotedText = oneOf(
  "x",
  "a>b",
  "<body>",
  "</head>",
  "<!--",
  "-->",
  "</script>",
  "=",
  "/",
  "",
  " ",
);
const attribute = fc.oneof(
  fc
    .tuple(oneOf("a", "id", "CLASS", "data-x", "<b", '"', "'", "="), quotedText, space)
    .chain(([name, value, gap]) =>
      oneOf(
        `${name}="${value}"`,
        `${name}='${value}'`,
        `${name} = "${value}"`,
        `${name}=${value.replaceAll(/[ >]/g, "") || "x"}`,
        `${name}${gap}=${gap}'${value}'`,
        `${name}="${value}"b='${value}'`,
        name,
        `${name}=`,
        `/${name}`,
        `${name}/`,
      ),
    ),
  oneOf('title="1"', "lang=en", "hidden", "/"),
);
const attributes = joined(
  fc.tuple(space, attribute).map(([gap, written]) => gap + written),
  3,
);

const opened = (names: fc.Arbitrary<string>) =>
  fc
    .tuple(names, attributes, oneOf("", "", "/", " ", "\n"))
    .map(([name, written, end]) => `<${name}${written}${end}>`);
const closed = (names: fc.Arbitrary<string>) =>
  fc.tuple(names, oneOf("", "", " ", " a='>'", "/")).map(([name, rest]) => `</${name}${rest}>`);

const structural = oneOf("html", "head", "body", "HTML", "HeAd", "BODY");
const ordinary = oneOf(
  ..."p div span a h1 table tr td ul li b br hr img input form section header main nav".split(" "),
  ..."svg math select option iframe object pre textarea button center bodyx heads titles".split(
    " ",
  ),
  ..."averyveryveryveryverylongelementname h\0ead x:y font image".split(" "),
);

const comment = fc.oneof(
  oneOf("<!-->", "<!--->", "<!---->", "<!-- --!>", "<!--- -->", "<!--->-->", "<!-- -- > -->"),
  oneOf(
    "<!--[if IE]><body><![endif]-->",
    "<![if !IE]>",
    "<![endif]>",
    "<!--[if IE]><!-->",
    "<!--<![endif]-->",
  ),
  oneOf(
    "<!-- <body> -->",
    "<!-- </head><body> --!>",
    "<!-- <!-- <body> -->",
    "<!-- --",
    "<!-",
    "<!--\0-->",
  ),
);
const bogus = oneOf(
  ...[
    "<!x>",
    "<!>",
    "</>",
    "</ >",
    "</1>",
    "<?php echo '<body>' ?>",
    "<?xml version='1.0'?>",
    "<?",
  ],
  ...[
    "<![CDATA[<body>]]>",
    "<![CDATA[ x ]]",
    "< p>",
    "<1>",
    "<>",
    "<\u00e9>",
    "</\u00e9>",
    "<!-x>",
  ],
);

const scriptText = joined(
  oneOf(
    ..."<!--|-->|<script>|<script |</script|--!>|<!-->|<!--->|-|--|<|'<body>'|x|<SCRIPT/|\0".split(
      "|",
    ),
    "</scriptx>",
    " ",
  ),
  6,
);
const rawText = joined(
  oneOf(
    ..."<!--|-->|<body>|</head>|&lt;|x|<|</|</titl|</titles>|<script>|\0|<template>".split("|"),
    " ",
  ),
  4,
);
const endOf = (name: string) =>
  oneOf(`</${name}>`, `</${name} >`, `</${name.toUpperCase()}/>`, `</${name} a=">">`);
const rawElement = oneOf(
  "title",
  "style",
  "noscript",
  "noframes",
  "script",
  "textarea",
  "TITLE",
).chain((name) =>
  fc
    .tuple(attributes, name === "script" ? scriptText : rawText, endOf(name.toLowerCase()))
    .map(([written, content, end]) => `<${name}${written}>${content}${end}`),
);
const metadata = oneOf(
  ...[
    "<meta charset=utf-8>",
    "<meta name=viewport content=x>",
    "<base href=/>",
    "<meta\n>",
    "<basefont>",
  ],
  ...[
    "<link rel=icon href='>'>",
    '<link a=b= "c>',
    '<link ="a>',
    "<bgsound>",
    "<LINK REL=x>",
    "<meta a='<body>'/>",
  ],
  "<meta http-equiv='Content-Security-Policy' content='x'>",
  "<meta content=\"http-equiv='content-security-policy' name=viewport\">",
  "<meta data-name=viewport http-equiv=content-security-policy-report-only>",
  "<meta name='viewport-fit'>",
  "<meta\fNAME\r=\n'VIEWPORT'/>",
  '<meta name=x name="viewport" =name=viewport>',
  "<meta/content='>'/http-equiv=content-security-policy/>",
  "<template><meta name=viewport><meta http-equiv=content-security-policy></template>",
);

/** Content in which a template in the head is followed through its own tags. */
const templateContent = joined(
  fc.oneof(
    oneOf(
      "<p>",
      "</p>",
      "<body>",
      "</body>",
      "</head>",
      "<html>",
      "x",
      " ",
      "<tr><td>",
      "<select><option>",
    ),
    oneOf(
      "<svg><path/></svg>",
      "<svg>",
      "<math>",
      "<select>",
      "<col>",
      "<plaintext>",
      "<svg><template>",
      "<![CDATA[ </template> ]]>",
      "<svg><title/>",
      "<svg><style/>",
      "</svg>",
      "</select>",
      "<table><tr>",
      "</table>",
      "<math><mi>x</mi></math>",
      "<head>",
    ),
    rawElement,
    comment,
  ),
  4,
);
const template: fc.Arbitrary<string> = fc.letrec<{ template: string }>((tie) => ({
  template: fc
    .tuple(
      attributes,
      templateContent,
      fc.oneof({ maxDepth: 3, withCrossShrink: true }, fc.constant(""), tie("template")),
      templateContent,
    )
    .map(
      ([written, before, nested, after]) =>
        `<template${written}>${before}${nested}${after}</template>`,
    ),
})).template;

const headPart = fc.oneof(
  { weight: 4, arbitrary: space },
  { weight: 3, arbitrary: metadata },
  { weight: 3, arbitrary: rawElement },
  { weight: 3, arbitrary: comment },
  { weight: 2, arbitrary: bogus },
  { weight: 2, arbitrary: template },
  {
    weight: 1,
    arbitrary: closed(fc.oneof(structural, ordinary, oneOf("template", "title", "script"))),
  },
  { weight: 1, arbitrary: opened(structural) },
);
const bodyPart = fc.oneof(
  { weight: 3, arbitrary: text },
  { weight: 3, arbitrary: opened(ordinary) },
  { weight: 2, arbitrary: closed(fc.oneof(ordinary, structural)) },
  { weight: 2, arbitrary: headPart },
  { weight: 1, arbitrary: opened(oneOf("frameset", "frame", "noframes", "plaintext", "FRAMESET")) },
  {
    weight: 1,
    arbitrary: oneOf("<svg><title><body></title></svg>", "<math><mtext><p></mtext></math>"),
  },
);
const unclosed = oneOf(
  ...[
    "<!--",
    "<!-- x",
    "<body",
    "<body class='",
    "<title>x",
    "<script>",
    "<script><!--<script>",
    "<",
    "</",
  ],
  ...[
    "<template>",
    "<style>",
    "<!DOCTYPE",
    "<meta ",
    "<head",
    "</head",
    "<textarea>",
    "<?",
    "<!",
    "<b",
  ],
);

const orderly = fc
  .tuple(
    fc.option(doctype, { nil: "" }),
    fc.option(opened(oneOf("html", "HTML")), { nil: "" }),
    fc.option(opened(oneOf("head", "Head")), { nil: "" }),
    joined(headPart, 5),
    fc.option(closed(oneOf("head", "HEAD")), { nil: "" }),
    joined(fc.oneof(space, comment, metadata), 2),
    fc.option(opened(oneOf("body", "BODY")), { nil: "" }),
    joined(bodyPart, 4),
    fc.option(closed(oneOf("body", "html")), { nil: "" }),
  )
  .map((parts) => parts.join(""));
const disorderly = joined(fc.oneof(doctype, opened(structural), headPart, bodyPart, text), 10);

/** Documents, one character a byte: most have the usual parts in their order, many do not. */
export const documents: fc.Arbitrary<string> = fc
  .tuple(fc.oneof(orderly, disorderly), fc.option(unclosed, { nil: "", freq: 5 }))
  .map((parts) => parts.join(""));

/** Offsets at which a document is cut, or each of its bytes for itself. */
export type Cuts = "bytes" | readonly number[];

export const cuts: fc.Arbitrary<Cuts> = fc.oneof(
  { weight: 1, arbitrary: fc.constant("bytes" as const) },
  { weight: 3, arbitrary: fc.array(fc.nat(600), { maxLength: 10 }) },
);

/** @returns the bytes in order, in pieces, some of them empty */
export function cut(bytes: Buffer, at: Cuts): Buffer[] {
  const ends =
    at === "bytes"
      ? Array.from(bytes.keys())
      : at.map((end) => end % (bytes.length + 1)).sort((a, b) => a - b);
  const borders = [0, ...ends, bytes.length];
  return borders.slice(1).map((end, index) => bytes.subarray(borders[index], end));
}
