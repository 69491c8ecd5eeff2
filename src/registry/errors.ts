/**
 * - `not-found`: no such tag, manifest or repository.
 * - `denied`: our credentials, or the lack of them, were refused.
 * - `rejected`: the request makes no sense to the registry; asking again will not help.
 * - `integrity`: bytes, digest or media type do not fit together.
 * - `transient`: asking again may help.
 */
export type RegistryErrorKind = 'not-found' | 'denied' | 'rejected' | 'integrity' | 'transient';

/** A registry did not do what it was asked. The message names method, URL, status and the registry's own words; never a credential. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  constructor(
    readonly kind: RegistryErrorKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The kind of an answer that is not a success, by its status (registry.md section 8). */
export function kindOf(status: number): RegistryErrorKind {
  if (status === 404) return 'not-found';
  if (status === 401 || status === 403) return 'denied';
  if (status === 408 || status === 429 || status >= 500 || status === 499) return 'transient';
  return 'rejected';
}
