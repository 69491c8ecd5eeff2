export const INDEXES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
export const IMAGES = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];
/** Before 2016: no digest of its own, no list of platforms. */
export const SCHEMA_1 = [
  'application/vnd.docker.distribution.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
];

/** All four in one header: a registry that misses the type it has in store answers 404, or worse, a child (registry.md section 6). */
export const ACCEPT = [...INDEXES, ...IMAGES].join(', ');

/** A media type without its parameters, in lower case; empty when there is none. */
export function mediaTypeOf(header: string | string[] | undefined): string {
  return String([header ?? ''].flat()[0])
    .split(';', 1)
    .join('')
    .trim()
    .toLowerCase();
}
