import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { checkSettings } from '../../src/doctor/settings.js';

const FLEET = {
  CANARY_IMAGES: 'ghcr.io/acme/platform',
  CANARY_TENANT_URLS: 'https://canary-1.example.com',
  CANARY_ADMIN_TOKENS: 'a-token',
};

test.each<[Record<string, string>, string]>([
  [{ CANARY_TENANT_URLS: '', CANARY_ADMIN_TOKENS: '' }, 'no canary fleet: every promotion waits for a person'],
  [{ CANARY_BUILD_PROBE: 'none' }, 'no build is ever confirmed: each release is held, then waits for approval'],
  [{ CANARY_APPROVAL: 'required' }, 'every promotion waits for a person'],
  [{ CANARY_SOAK: '4m' }, 'a 4m soak is shorter than an update cycle: 5m is used'],
  [{ CANARY_SOAK: '5m' }, 'a 5m soak is short; 6m is recommended'],
  [{ CANARY_SOAK_PROBE: '3m' }, 'a probe every 3m sees little of a 6m soak'],
  [{ CANARY_UPDATE_TIMEOUT: '5m' }, 'canaries have 5m to report a build, but update only every 5m'],
  [{ CANARY_POLL: '31s' }, 'tenants are asked for their build only every 31s'],
  [{ CANARY_HOLD_TIMEOUT: '8h' }, 'a hold expires after 8h: one of the evening expires before the next morning'],
])('%j is noted: %s', async (env, what) => {
  expect(await checkSettings(await loadConfig({ ...FLEET, ...env }))).toEqual([
    { area: 'settings', level: 'note', what, fix: expect.any(String) },
  ]);
});

test('the defaults are nothing to note', async () => {
  expect(await checkSettings(await loadConfig(FLEET))).toEqual([
    { area: 'settings', level: 'ok', what: 'nothing unusual is configured' },
  ]);
});

test('what CANARY_UNSAFE accepts is a warning', async () => {
  const unsafe = (env: Record<string, string>) =>
    loadConfig({ ...FLEET, ...env, CANARY_UNSAFE: 'true' })
      .then(checkSettings)
      .then(([first]) => first);
  const fix = 'unset it, unless this gate is a trial';
  expect(await unsafe({ CANARY_SOAK: '0', CANARY_UPDATE_CYCLE: '0' })).toEqual({
    area: 'settings',
    level: 'warning',
    what: 'CANARY_UNSAFE is set: CANARY_SOAK: 0 is unsafe: at least 1m; CANARY_UPDATE_CYCLE: 0 is unsafe: at least 10s',
    fix,
  });
  expect(await unsafe({})).toMatchObject({ what: 'CANARY_UNSAFE is set: no setting needs it', fix });
});
