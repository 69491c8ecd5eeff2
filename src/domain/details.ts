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
