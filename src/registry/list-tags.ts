import * as z from 'zod';
import { parseTag, type Repository, type Tag } from '../contract/image.js';
import { redacted } from '../net/http.js';
import { parseJson } from '../net/redact.js';
import type { Registry } from './context.js';
import { targetOf } from './transport/endpoint.js';
import { RegistryError } from './transport/errors.js';
import { request } from './transport/request.js';

/** Most tags of a page: ECR refuses more. */
const PAGE = 1_000;
/** Most pages that are read. */
const MAX_PAGES = 20;

const body = z.looseObject({ tags: z.array(z.string()).nullish() });

/**
 * Lists tags, page by page. A registry without `Link` has one page (`crane registry serve` begins again after its last one).
 * @returns `isWhole`: whether these are all.
 * @throws {RegistryError}
 */
export async function listTags(
  registry: Registry,
  repository: Repository,
  signal?: AbortSignal,
): Promise<{ tags: Tag[]; isWhole: boolean }> {
  const tags = new Set<string>();
  let path: string | URL = `tags/list?n=${PAGE}`;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const answer = await request(registry, { method: 'GET', repository, path, actions: 'pull' }, signal);
    const { url, headers, status } = answer;
    const bad = (why: string) =>
      new RegistryError('integrity', `GET ${redacted(url)}: ${why}`, { method: 'GET', url: redacted(url), status });
    const parsed = body.safeParse(parseJson(answer.body));
    if (!parsed.success) throw bad('its bytes are not a list of tags');
    const before = tags.size;
    for (const tag of parsed.data.tags ?? []) if (isTag(tag)) tags.add(tag);
    const next = /^\s*<([^>]+)>/.exec(String([headers.link ?? ''].flat()[0]))?.[1];
    if (next === undefined || tags.size === before) return { tags: [...tags] as Tag[], isWhole: true };
    // Credentials go to the registry alone, whatever an answer names.
    const target = URL.canParse(next, url.href) ? targetOf(next, url, url) : null;
    if (target?.origin !== url.origin) throw bad('its next page is at another host, or nowhere');
    path = target;
  }
  return { tags: [...tags] as Tag[], isWhole: false };
}

function isTag(text: string): boolean {
  try {
    return parseTag(text) === text;
  } catch {
    return false;
  }
}
