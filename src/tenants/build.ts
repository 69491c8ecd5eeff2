import { InvalidInput, shown } from '../domain/brand.js';
import type { BuildSource } from '../domain/release.js';

/** Reads `CANARY_BUILD_PROBE`: `/health#sha,/buildinfo#git_sha`, asked in this order.
 * @throws {InvalidInput} */
export function parseBuildProbe(text: string): BuildSource[] {
  return text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map((part) => {
      const match = /^(\/[^\s#?]*)#([A-Za-z_][A-Za-z0-9_-]*)$/.exec(part);
      if (!match?.[1] || !match[2])
        throw new InvalidInput(`build probe ${shown(part)} is not path#field, e.g. /health#sha`);
      return { path: match[1], field: match[2] };
    });
}
