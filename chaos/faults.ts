import type { Reads } from './choices.js';

/** What goes wrong on the way of the gate to the registry; each until a time (epoch, ms), or for a number of writes. */
export interface Faults {
  /** Status of every write. */
  refuse: { until: number; status: number };
  /** Repository whose `:latest` cannot be written, and the status of that: 403 is final, 500 is tried again. */
  image: { until: number; repository: string; status: number };
  /** `:latest` of one repository is refused for good once that of another one was written; from then on no write is carried out. */
  split: { until: number; repository: string };
  /** Delay of every request, in milliseconds. */
  slow: { until: number; ms: number };
  /** Writes that are carried out, and whose answers are lost. */
  cut: number;
  /** How long after their answer is lost such writes are carried out, in milliseconds: at most as long as a PUT may take. */
  lateMs: number;
  /** Writes that are answered 202, and carried out later. */
  acceptOnly: number;
  /** Writes get no answer, and are not carried out. */
  hang: { until: number };
  /** Time for which a read shows the `:latest` before a write, in milliseconds. */
  stale: { until: number; ms: number };
  /** Status of every read. */
  refuseReads: { until: number; status: number; reads: Reads };
  /** Reads whose answers break off. */
  cutReads: { left: number; reads: Reads };
  /** Reads get no answer. */
  hangReads: { until: number; reads: Reads };
}

export const NO_FAULTS: Faults = {
  refuse: { until: 0, status: 500 },
  image: { until: 0, repository: '', status: 500 },
  split: { until: 0, repository: '' },
  slow: { until: 0, ms: 0 },
  cut: 0,
  lateMs: 0,
  acceptOnly: 0,
  hang: { until: 0 },
  stale: { until: 0, ms: 0 },
  refuseReads: { until: 0, status: 500, reads: 'all' },
  cutReads: { left: 0, reads: 'all' },
  hangReads: { until: 0, reads: 'all' },
};

/** Whether a fault of reads is of this one. Blobs are read by digest; what is neither tag nor digest is of `all` alone. */
export function isOf(reads: Reads, path: string): boolean {
  const isOfDigest = /\/(?:manifests|blobs)\/sha256:/.test(path);
  return reads === 'all' || (reads === 'digests' ? isOfDigest : !isOfDigest && path.includes('/manifests/'));
}
