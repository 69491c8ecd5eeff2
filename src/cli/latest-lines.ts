import type { Latest } from '../registry/read-latest.js';

/** Where `:latest` stands, for whoever is to accept it. */
export const latestLines = ({ images, sha }: Latest): string[] => [
  ...images.map(({ repository, digest }) => `  ${repository}:latest ${digest ?? 'is not there'}`),
  `  ${sha === null ? 'the images name no one build' : `built from ${sha}`}`,
];
