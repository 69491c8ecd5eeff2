import { z } from 'zod';
import { parseTag, type Repository, type Tag } from '../contract/image.js';
import { redacted } from '../net/http.js';
import type { Registry } from './context.js';
import { parseNextLink } from './link.js';
import { RegistryError } from './transport/errors.js';
import { parseJson } from './transport/json.js';
import { ask, type RegistryAnswer } from './transport/request.js';

export interface ListTagsOptions {
  /** Only these, e.g. `/^staging-[0-9a-f]{7,40}$/`. */
  filter?: RegExp;
  signal?: AbortSignal;
}

/** ECR refuses to be asked for more. */
const PAGE = 1000;
const MAX_PAGES = 100;

const page = z.looseObject({ tags: z.array(z.string()).nullish() });

/** All tags of a repository, in the registry's order, which is that of letters and not of time.
 * @throws {RegistryError} */
export async function listTags(
  registry: Registry,
  repository: Repository,
  { filter, signal }: ListTagsOptions = {},
): Promise<Tag[]> {
  const seen = new Set<string>();
  let path: string | URL = `tags/list?n=${PAGE}`;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const answer = await ask(registry, { method: 'GET', repository, path, actions: 'pull' }, signal);
    const tags = tagsOf(answer);
    const before = seen.size;
    for (const tag of tags) seen.add(tag);
    const next = nextPage(answer, tags);
    // One that knows no `last` gives page one for ever (crane's does).
    if (next === null || seen.size === before)
      return [...seen].filter(isTag).filter((tag) => !filter || tag.search(filter) >= 0);
    path = next;
  }
  throw new RegistryError('rejected', `${repository} has more than ${MAX_PAGES} pages of tags: delete old ones`);
}

function tagsOf(answer: RegistryAnswer): string[] {
  const parsed = page.safeParse(parseJson(answer.body));
  if (parsed.success) return parsed.data.tags ?? [];
  const url = redacted(answer.url);
  const message = `GET ${url}: the answer is no list of tags (is that a registry?)`;
  throw new RegistryError('rejected', message, { method: 'GET', url, status: answer.status });
}

function nextPage(answer: RegistryAnswer, tags: string[]): URL | null {
  const { link } = answer.headers;
  const target = parseNextLink(link);
  if (target === null) {
    const last = tags.at(-1);
    if (link !== undefined || tags.length < PAGE || last === undefined) return null;
    const next = new URL(answer.url);
    next.searchParams.set('last', last);
    return next;
  }
  const next = URL.canParse(target, answer.url.href) ? new URL(target, answer.url) : null;
  if (next?.origin === answer.url.origin && !next.username && !next.password) return next;
  throw new RegistryError(
    'rejected',
    `GET ${redacted(answer.url)}: its next page is ${next ? `at ${next.host}` : 'no URL'}: refused, pages are the registry's own`,
    { method: 'GET', url: redacted(answer.url), status: answer.status },
  );
}

function isTag(text: string): text is Tag {
  try {
    return parseTag(text) === text;
  } catch {
    return false;
  }
}
