/** What a registry says when it refuses to write a tag, and what fixes that. docs/registries.md has the texts and their sources. */
interface RefusedWrite {
  reason: 'immutable' | 'overwrite-right' | 'quota';
  /** Codes that say it alone. */
  codes?: readonly string[];
  /** Statuses with which the words count. */
  statuses: readonly number[];
  words: RegExp;
  /** Whether the words count only where a tag was to be written: an upload "already exists", too. */
  onlyOfTag?: true;
  fix: (host: string) => string;
}

const REFUSED_WRITES: readonly RefusedWrite[] = [
  // Artifactory, 403: "Not enough permissions to overwrite artifact '…' (user '…' needs DELETE permission)".
  {
    reason: 'overwrite-right',
    statuses: [400, 401, 403],
    words: /permissions to (?:delete\/)?overwrite|needs delete permission/i,
    fix: (host) =>
      `these credentials may push, but not overwrite a tag: get the right to delete or overwrite at ${host}`,
  },
  // Harbor: "adding 29.0 MiB of storage resource, which … will exceed the configured upper limit of 10.0 MiB"; Quay: "Quota has been exceeded".
  {
    reason: 'quota',
    codes: ['QUOTA_EXCEEDED'],
    statuses: [400, 403, 405, 412, 413, 507],
    words:
      /exceed the configured upper limit|quota (?:has been |limit )?exceeded|exceeds? (?:the |its )?(?:storage )?quota/i,
    fix: (host) =>
      `the quota at ${host} is used up: raise it, or remove what no one needs; keep staging-* tags to roll back to`,
  },
  // ECR 400 TAG_INVALID, GAR "has enabled tag immutability", ACR 405, Nexus 400, Harbor 412, Docker Hub 403.
  {
    reason: 'immutable',
    codes: ['TAG_IMMUTABLE', 'REGISTRY_DISALLOWED_OPERATION'],
    statuses: [400, 403, 405, 409, 412],
    words:
      /immutab|already exists|cannot be (?:overwritten|updated)|operation is disallowed|does not allow (?:updating|redeploy)|redeploy is not allowed/i,
    onlyOfTag: true,
    fix: () => 'the registry does not let this tag move: exempt it from tag immutability',
  },
];

/** Why a registry refuses for good to write; undefined if it does not say so. A code counts before words. */
export function refusedWrite({
  status,
  code,
  message,
  isOfTag = false,
}: {
  isOfTag?: boolean;
  status: number;
  code?: string;
  message: string;
}): Pick<RefusedWrite, 'reason' | 'fix'> | undefined {
  return (
    REFUSED_WRITES.find(({ codes }) => code !== undefined && codes?.includes(code)) ??
    REFUSED_WRITES.find(
      ({ statuses, words, onlyOfTag }) =>
        statuses.includes(status) && words.test(message) && (isOfTag || onlyOfTag === undefined),
    )
  );
}
