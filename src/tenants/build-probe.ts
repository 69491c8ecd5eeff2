import { InvalidInput, shown } from '../contract/brand.js';
import type { BuildSource } from '../contract/tenants/build.js';

/** Reads `CANARY_BUILD_PROBE`: `/health#sha,/buildinfo#git_sha`, asked in this order, or `none`: then no build is ever confirmed.
 * @throws {InvalidInput} */
export function parseBuildProbe(text: string): BuildSource[] {
  if (text.trim() === 'none') return [];
  const sources = text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(parseSource);
  if (sources.length === 0)
    throw new InvalidInput('invalid build probe "": expected path#field, e.g. /health#sha, or none');
  return sources;
}

function parseSource(text: string): BuildSource {
  const [, path, field] = /^(\/(?![/\\])[^\s#?]*)#([A-Za-z_][A-Za-z0-9_-]*)$/.exec(text) ?? [];
  if (!path || !field)
    throw new InvalidInput(`invalid build probe ${shown(text)}: expected path#field, e.g. /health#sha`);
  return { path, field };
}
