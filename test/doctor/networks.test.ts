import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { findingLines } from '../../src/doctor/lines.js';
import { checkNetworks } from '../../src/doctor/networks.js';

const GATE = {
  CANARY_IMAGES: 'ghcr.io/acme/platform,ghcr.io/acme/tenant,registry.internal:5000/acme/other',
  CANARY_TENANT_URLS: 'https://canary.example.com,https://canary.internal',
  CANARY_ADMIN_TOKENS: 'one,two',
};
const linesOf = async (env: Record<string, string>, temporal: string | null = null) => {
  const config = await loadConfig({ ...GATE, ...env });
  const fleet = await config.fleet?.read();
  return findingLines(checkNetworks(config, fleet ? [fleet] : [], temporal)).slice(0, -1);
};

describe('checkNetworks', () => {
  test('says for each destination which proxy it is reached through, without a login', async () => {
    const env = { HTTPS_PROXY: 'http://me:secret@proxy.corp:3128', NO_PROXY: '.internal' };
    expect(await linesOf(env, 'proxy proxy.corp:3128 (HTTPS_PROXY)')).toEqual([
      'ok       network   Temporal is reached through the proxy proxy.corp:3128 (HTTPS_PROXY)',
      'ok       network   ghcr.io is reached through the proxy proxy.corp:3128 (HTTPS_PROXY)',
      'ok       network   registry.internal:5000 is reached directly',
      'ok       network   canary-1 is reached through the proxy proxy.corp:3128 (HTTPS_PROXY)',
      'ok       network   canary-2 is reached directly',
    ]);
  });

  test('says nothing where no proxy is set', async () => {
    expect(await linesOf({})).toEqual([]);
  });

  test('warns of insecure registries, and of authorities that cannot be read', async () => {
    expect(await linesOf({ CANARY_INSECURE_REGISTRIES: 'registry.internal:5000', SSL_CERT_FILE: '/no/such' })).toEqual([
      'WARNING  network   SSL_CERT_FILE: ENOENT: /no/such (fix: correct or unset it)',
      'WARNING  network   CANARY_INSECURE_REGISTRIES: registry.internal:5000: its traffic can be read and changed on the way, passwords too (fix: give the registry a certificate that is trusted here, and unset it)',
    ]);
  });

  test('a proxy of another scheme is a problem of the configuration, which does not repeat it', async () => {
    const error = (await loadConfig({ ...GATE, https_proxy: 'ftp://me:secret@proxy' }).catch(
      (why: unknown) => why,
    )) as Error;
    expect(error.message).toBe(
      'configuration: https_proxy: proxies of scheme ftp are not supported: expected http or https',
    );
    await expect(loadConfig({ ...GATE, CANARY_INSECURE_REGISTRIES: 'https://x' })).rejects.toThrow(
      'CANARY_INSECURE_REGISTRIES: invalid registry "https://x": expected host or host:port',
    );
  });
});
