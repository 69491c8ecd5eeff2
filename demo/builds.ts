/** Build of the story. The shas are fixed, so that the digests are the same on every machine. */
export interface Build {
  sha: string;
  sha7: string;
  /** Subject of its commit. */
  title: string;
  /** Misbehavior (testbed/misbehaviors.ts), which the tenants read from the image; empty for none. */
  misbehave: string;
  /** Escape code of its color on a terminal. */
  color: number;
}

const build = (sha: string, title: string, color: number, misbehave = ''): Build => ({
  sha,
  sha7: sha.slice(0, 7),
  title,
  misbehave,
  color,
});

export const BEFORE = build('7b0f3aa2c86d4e1f95b7d03a6c18e2f4a9d5073b', 'what production runs today', 36);
export const GOOD = build('4c1d56e0b7a94f2e8d6c3b5a19f07e2d4c8b6a31', 'list workspaces faster', 32);
export const BROKEN = build(
  '9e82b1d47f3a60c5e1d8b92f04a7c6e35d1b8f70',
  'rewrite the memory search',
  31,
  'memory-search',
);
/** Green, but wrong: no smoke test covers the defect. */
export const WRONG = build('c5a07f46d2e91b8370fa4c5d6e182b9073ac5fe4', 'new invoice totals', 33);
/** First build after the rollback: a person must approve it. */
export const FIXED = build('2f8c61d7e0b3945a8d6c1f27b40e9a35c7d2186f', 'invoice totals, fixed', 34);
/** Pushed after the story, to be released by hand. */
export const SPARE = build('e3d914b58a07c2f6d41e9b3a70c5f8162e4d9ba7', 'yours to release', 35);

export const BUILDS = [BEFORE, GOOD, BROKEN, WRONG, FIXED, SPARE];
