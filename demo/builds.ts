/** The builds of the story. Their shas are fixed, so that the same digests come out on every machine. */
export interface Build {
  sha: string;
  sha7: string;
  /** As a commit's subject would say it. */
  title: string;
  /** How it misbehaves (testbed/misbehaviors.ts); the tenants read it from the image. */
  misbehave: string;
  /** Its colour on a terminal. */
  colour: number;
}

const build = (sha: string, title: string, colour: number, misbehave = ''): Build => ({
  sha,
  sha7: sha.slice(0, 7),
  title,
  misbehave,
  colour,
});

export const BEFORE = build('7b0f3aa2c86d4e1f95b7d03a6c18e2f4a9d5073b', 'what production runs today', 36);
export const GOOD = build('4c1d56e0b7a94f2e8d6c3b5a19f07e2d4c8b6a31', 'list workspaces faster', 32);
export const BROKEN = build(
  '9e82b1d47f3a60c5e1d8b92f04a7c6e35d1b8f70',
  'rewrite the memory search',
  31,
  'memory-search',
);
/** All green: what is wrong with it, no smoke test sees. */
export const REGRETTED = build('c5a07f46d2e91b8370fa4c5d6e182b9073ac5fe4', 'new invoice totals', 33);
/** The next one, after the rollback: a human says yes. */
export const MENDED = build('2f8c61d7e0b3945a8d6c1f27b40e9a35c7d2186f', 'invoice totals, mended', 34);
/** Pushed when the story is over, for whoever wants to release one by hand. */
export const SPARE = build('e3d914b58a07c2f6d41e9b3a70c5f8162e4d9ba7', 'yours to release', 35);

export const BUILDS = [BEFORE, GOOD, BROKEN, REGRETTED, MENDED, SPARE];
