import { collapsed } from '../contract/brand.js';

/** Longest foreign text that a report repeats, in characters. */
const MAX_TEXT = 500;

/** A text that is one line already. The classes of `collapsed` are large: a workflow, which compiles them for each run, should seldom need them. */
const PLAIN = /^[!-~]+(?: [!-~]+)*$/;

/** Puts a text on one line, without control characters, cut to `max` characters. */
export function oneLine(text: string, max = MAX_TEXT): string {
  const line = PLAIN.test(text) ? text : collapsed(text, ' ').trim();
  return line.length > max ? `${line.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…` : line;
}

/**
 * Escapes foreign text for a line of Markdown: it yields no markup, HTML, link, mention or table cell. Because every
 * `#` and `[` is escaped, it also contains no `##[command]`, which GitHub's runner reads anywhere in a line.
 */
export function prose(text: string): string {
  return (
    oneLine(text)
      .replaceAll(/[\\`*_[\]<>|~&$#]/g, (mark) => `\\${mark}`)
      // At the start of a line these begin a list or a rule.
      .replace(/^(?=[-+=])|^(\d{1,9})(?=[.)])/, '$1\\')
      // A space of no width, by its name: the character itself would be invisible in a log, too.
      .replaceAll('@', '@&#8203;')
  );
}

/** Text as code, with a fence longer than any backticks in it. Not for table cells, where a bar would end the cell. */
export function code(text: string): string {
  const line = oneLine(text);
  // Two marks without anything between them would open a fence.
  if (line === '') return '` `';
  const longest = Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return longest === 0 ? `${fence}${line}${fence}` : `${fence} ${line} ${fence}`;
}

/** Patterns of addresses, by which a person's text may name a tenant. Image names are never redacted. */
const ADDRESSES = [
  /[a-z][a-z0-9+.-]*:\/\/\S*/gi,
  /\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g,
  /\b(?:[a-z0-9-]+\.)+[a-z0-9-]+:\d+\S*/gi,
  /\b[a-z0-9-]+(?:\.[a-z0-9-]+)+\.[a-z]{2,}\b\S*/gi,
  /\blocalhost:\d+\S*/gi,
  /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi,
];

/** A text for the public, without addresses and ids (invariant I5). */
export const redactedText = (text: string): string =>
  ADDRESSES.reduce((redacted, address) => redacted.replaceAll(address, '(address)'), text);

/** Escapes a person's text for the public, without addresses and ids. */
export const redactedProse = (text: string): string => prose(redactedText(text));

/** Markdown link in a list, or an empty list if a browser must not follow the URL. */
export function link(title: string, url: string | undefined): string[] {
  if (url === undefined || !URL.canParse(url)) return [];
  const { protocol, username, password, href } = new URL(url);
  if (!['http:', 'https:'].includes(protocol) || username || password) return [];
  const target = href.replaceAll(/[()<>|\\`*_[\]]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
  return [`[${title}](${target})`];
}

/** Lines of a Markdown table. */
export function table(head: string[], rows: string[][]): string[] {
  const row = (cells: string[]) => `| ${cells.join(' | ')} |`;
  return [row(head), `|${'---|'.repeat(head.length)}`, ...rows.map(row)];
}

// Sections of the pages in the Temporal UI are short: the UI sends a page's text to its server in the URL, and proxies commonly
// accept 8 KB. They are lists, because tables of that UI have no cell padding.

/**
 * Heading and list: the lines that fit, and a count of the others; the empty text without lines.
 * @param max room, in characters of the URL-encoded text.
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
  const omitted = lines.length - shown.length;
  const more = omitted > 0 ? [`and ${omitted} more`] : [];
  return [`**${title}**\n`, ...[...shown, ...more].map((line) => `- ${line}`)].join('\n');
}

/** Formats a time: `2026-11-25 06:10:08 UTC`. A text that is no time is shown as words. */
export const time = (iso: string) =>
  ISO.test(iso) ? `${iso.slice(0, 19).replace('T', ' ')} UTC` : prose(oneLine(iso, 40));
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;
