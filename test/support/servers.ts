import { inject } from 'vitest';

/** `host:port` of the Temporal server of this test process. Processes share a few servers, because one alone keeps less than a core busy. */
export function temporalAddress(): string {
  const addresses = inject('temporal');
  const address = addresses[Number(process.env.VITEST_POOL_ID) % addresses.length];
  if (!address) throw new Error(`no Temporal server for test process ${process.env.VITEST_POOL_ID}`);
  return address;
}
