import { InvalidInput, shown } from '../domain/brand.js';
import type { BuildSource } from '../domain/release.js';

/** Reads `CANARY_BUILD_PROBE`: `/health#sha,/buildinfo#git_sha`, asked in this order, or `none`: then no build is ever confirmed.
 * @throws {InvalidInput} */
export function parseBuildProbe(text: string): BuildSource[] {
  if (text.trim() === 'none') return [];
  const sources = text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map((part) => {
      const match = /^(\/(?![/\\])[^\s#?]*)#([A-Za-z_][A-Za-z0-9_-]*)$/.exec(part);
      if (!match?.[1] || !match[2])
        throw new InvalidInput(`build probe ${shown(part)} is not path#field, e.g. /health#sha`);
      return { path: match[1], field: match[2] };
    });
  if (sources.length === 0) throw new InvalidInput('build probe is empty: write path#field, e.g. /health#sha, or none');
  return sources;
}
