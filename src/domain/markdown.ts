/** Longest foreign text that a report repeats, in characters. */
const MAX_TEXT = 500;

/** One line, without control characters, cut. */
export function oneLine(text: string, max = MAX_TEXT): string {
  const line = text.replace(/[\s\p{C}]+/gu, ' ').trim();
  return line.length > max ? `${line.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…` : line;
}

/**
 * Foreign text inside a line of Markdown: no markup, HTML, link, mention or table cell comes out of it. With every
 * `#` and `[` escaped it holds no `##[command]` of GitHub's runner either, which reads those anywhere in a line.
 */
export function prose(text: string): string {
  return oneLine(text)
    .replaceAll(/[\\`*_[\]<>|~&$#]/g, (mark) => `\\${mark}`)
    .replaceAll('@', '@\u200b');
}

/** Text as code, whatever backticks are in it. Not for table cells, where a bar would end the cell. */
export function code(text: string): string {
  const line = oneLine(text);
  const longest = Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return longest === 0 ? `${fence}${line}${fence}` : `${fence} ${line} ${fence}`;
}

/** What looks like an address of something: people's own words may name a tenant by it. Image names never come here. */
const ADDRESSES = [
  /[a-z][a-z0-9+.-]*:\/\/\S*/gi,
  /\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g,
  /\b(?:[a-z0-9-]+\.)+[a-z0-9-]+:\d+\S*/gi,
  /\b[a-z0-9-]+(?:\.[a-z0-9-]+)+\.[a-z]{2,}\b\S*/gi,
  /\blocalhost:\d+\S*/gi,
  /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi,
];

/** What a person wrote, for the public: without addresses and ids (invariant I5). */
export function redactedProse(text: string): string {
  return prose(ADDRESSES.reduce((left, address) => left.replaceAll(address, '(address)'), text));
}

/** A link, or the empty text if it is not one that a browser may follow. */
export function link(title: string, url: string | undefined): string[] {
  if (url === undefined || !URL.canParse(url)) return [];
  const { protocol, username, password, href } = new URL(url);
  if (!['http:', 'https:'].includes(protocol) || username || password) return [];
  const target = href.replaceAll(/[()<>|\\`*_[\]]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
  return [`[${title}](${target})`];
}

export function table(head: string[], rows: string[][]): string[] {
  const row = (cells: string[]) => `| ${cells.join(' | ')} |`;
  return [row(head), `|${'---|'.repeat(head.length)}`, ...rows.map(row)];
}

// Parts of the pages that the Temporal UI shows: Markdown, and short. The UI asks its server for a page with the page's text in
// the address, and proxies before it commonly take 8 KB. Lists, for tables of that UI have no cell padding.

/**
 * A heading and a list, as much of it as there is room for, the rest counted; nothing without lines.
 * @param max in characters as a URL carries them.
 */
export function section(title: string, lines: string[], max = Number.POSITIVE_INFINITY): string {
  if (lines.length === 0) return '';
  let room = max;
  const fits = (line: string) => {
    room -= encodeURIComponent(`- ${line}\n`).length;
    return room >= 0;
  };
  const end = lines.findIndex((line) => !fits(line));
  const shown = end === -1 ? lines : lines.slice(0, end);
  const left = lines.length - shown.length;
  const more = left > 0 ? [`and ${left} more`] : [];
  return [`**${title}**\n`, ...[...shown, ...more].map((line) => `- ${line}`)].join('\n');
}

/** `2026-11-25 06:10:08 UTC` */
export const time = (iso: string) => `${iso.slice(0, 19).replace('T', ' ')} UTC`;
