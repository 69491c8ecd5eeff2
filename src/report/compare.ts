import { sameBuild } from '../contract/sha.js';

/** What tells where the commits of a build are: the page of one, or the repository on GitHub. */
export interface CommitSource {
  commitUrl?: string | undefined;
  /** `owner/name`. */
  repository?: string | null;
}

/** Page that compares two builds; undefined if nothing tells where their commits are, or nothing changes. */
export function compareUrl(
  { commitUrl, repository }: CommitSource,
  from: string | null,
  to: string,
): string | undefined {
  if (from === null || sameBuild(from, to)) return undefined;
  // GitHub and Gitea: /commit/SHA; GitLab: /-/commit/SHA.
  const base = /^(https?:\/\/[^?#\s]+)\/commits?\/[0-9a-f]{7,64}\/?$/.exec(commitUrl ?? '')?.[1];
  const project = base ?? (repository ? `https://github.com/${repository}` : undefined);
  return project && `${project}/compare/${from}...${to}`;
}
