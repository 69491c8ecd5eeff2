/** Place where a tenant reports its build: the JSON `field` of `path`, as in `/health#sha`. */
export interface BuildSource {
  path: string;
  field: string;
}

/** Build that a tenant reports, or why it is unknown. */
export interface TenantBuild {
  tenant: string;
  build: string | null;
  /** Why it is unknown: path, status, field, or the code of a fault. It may be public: no address, and nothing of an answer (I5). */
  why?: string;
  /** What `why` leaves out because it names hosts: a redirect, a certificate, a proxy. For people of the gate. */
  detail?: string;
  /** Whether it gave no usable answer at all: refused, reset, time-out, 429 or 5xx. */
  silent?: true;
}

/** Why a tenant reports no build, with its detail: not for the public. */
export const whyUnreported = ({ why = 'no answer', detail }: Pick<TenantBuild, 'why' | 'detail'>): string =>
  detail === undefined ? why : `${why}; ${detail}`;
