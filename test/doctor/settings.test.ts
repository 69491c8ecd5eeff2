import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/config.js';
import { checkSettings } from '../../src/doctor/settings.js';

const FLEET = { CANARY_TENANT_URLS: 'https://canary-1.example.com', CANARY_ADMIN_TOKENS: 'a-token' };

test.each<[Record<string, string>, string]>([
  [{ CANARY_TENANT_URLS: '', CANARY_ADMIN_TOKENS: '' }, 'no canary fleet: nothing is ever promoted without a human'],
  [{ CANARY_BUILD_PROBE: 'none' }, 'no build is ever confirmed: each release is held, and then asks for approval'],
  [{ CANARY_APPROVAL: 'required' }, 'every promotion waits for a human'],
  [{ CANARY_SOAK: '4m' }, 'a soak of 4m is shorter than an update cycle: 5m is used'],
  [{ CANARY_SOAK: '5m' }, 'a soak of 5m shows little'],
  [{ CANARY_SOAK_PROBE: '0' }, 'the soak is not watched'],
  [{ CANARY_UPDATE_TIMEOUT: '5m' }, 'canaries get 5m to report a build, and update every 5m'],
  [{ CANARY_POLL: '31s' }, 'tenants are asked for their build every 31s only'],
  [{ CANARY_HOLD_TIMEOUT: '8h' }, 'a hold ends after 8h: one of the evening is over before anybody looks'],
])('%j is noted: %s', (env, what) => {
  expect(checkSettings(loadConfig({ ...FLEET, ...env }))).toEqual([
    { area: 'settings', level: 'note', what, fix: expect.any(String) },
  ]);
});

test('the defaults are nothing to note', () => {
  expect(checkSettings(loadConfig(FLEET))).toEqual([
    { area: 'settings', level: 'ok', what: 'nothing unusual is configured' },
  ]);
});
