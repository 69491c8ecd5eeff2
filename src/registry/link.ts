/** The target of the first link with `rel="next"` (RFC 8288), as it stands; null when there is none. Never throws. */
export function parseNextLink(header: string | string[] | undefined): string | null {
  for (const text of [header ?? []].flat()) {
    // Longer than any URL worth following.
    const short = text.slice(0, MAX_HEADER);
    for (const [, target = '', params = ''] of short.matchAll(LINK)) {
      const rel = REL.exec(params);
      const names = (rel?.[1] ?? rel?.[2] ?? '').toLowerCase().split(/\s+/);
      if (names.includes('next')) return target;
    }
  }
  return null;
}

// A target may hold commas and semicolons, and so may a quoted parameter.
const LINK = /<([^>]*)>((?:\s*;\s*[^\s;,="]+\s*(?:=\s*(?:"[^"]*"|[^\s;,"]*))?)*)/g;
const REL = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]*))/i;
const MAX_HEADER = 4096;
