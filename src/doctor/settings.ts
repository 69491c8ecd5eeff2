import type { Config } from '../config/config.js';
import { formatDuration } from '../domain/duration.js';
import type { Finding } from './finding.js';

const SHORT_SOAK_MS = 6 * 60_000;
const SLOW_POLL_MS = 30_000;
const OVERNIGHT_MS = 12 * 3_600_000;

type SettingCheck = [(config: Config) => boolean, (config: Config) => Pick<Finding, 'what' | 'fix'>];

/** What a configuration may say, but seldom means. */
const SETTING_CHECKS: SettingCheck[] = [
  [
    (config) => config.readFleet().tenants.length === 0,
    () => ({
      what: 'no canary fleet: nothing is ever promoted without a human',
      fix: 'set CANARY_TENANT_URLS and CANARY_ADMIN_TOKENS, or CANARY_FLEET_FILE',
    }),
  ],
  [
    ({ buildProbe }) => buildProbe.length === 0,
    () => ({
      what: 'no build is ever confirmed: each release is held, and then asks for approval',
      fix: 'let tenants report their build, and name where in CANARY_BUILD_PROBE',
    }),
  ],
  [
    ({ approval }) => approval === 'required',
    () => ({ what: 'every promotion waits for a human', fix: 'CANARY_APPROVAL=auto, if that is not meant' }),
  ],
  [
    ({ soakMs, updateCycleMs }) => soakMs < updateCycleMs,
    ({ soakMs, updateCycleMs }) => ({
      what: `a soak of ${formatDuration(soakMs)} is shorter than an update cycle: ${formatDuration(updateCycleMs)} is used`,
      fix: 'CANARY_SOAK has to be at least CANARY_UPDATE_CYCLE',
    }),
  ],
  [
    ({ soakMs, updateCycleMs }) => soakMs < SHORT_SOAK_MS && soakMs >= updateCycleMs,
    ({ soakMs }) => ({ what: `a soak of ${formatDuration(soakMs)} shows little`, fix: 'CANARY_SOAK=6m is usual' }),
  ],
  [
    ({ soakProbeMs }) => soakProbeMs === 0,
    () => ({ what: 'the soak is not watched', fix: 'CANARY_SOAK_PROBE=60s is usual' }),
  ],
  [
    ({ updateTimeoutMs, updateCycleMs }) => updateTimeoutMs <= updateCycleMs,
    ({ updateTimeoutMs, updateCycleMs }) => ({
      what: `canaries get ${formatDuration(updateTimeoutMs)} to report a build, and update every ${formatDuration(updateCycleMs)}`,
      fix: 'raise CANARY_UPDATE_TIMEOUT',
    }),
  ],
  [
    ({ pollMs }) => pollMs > SLOW_POLL_MS,
    ({ pollMs }) => ({
      what: `tenants are asked for their build every ${formatDuration(pollMs)} only`,
      fix: 'CANARY_POLL=5s is usual',
    }),
  ],
  [
    ({ holdTimeoutMs }) => holdTimeoutMs < OVERNIGHT_MS,
    ({ holdTimeoutMs }) => ({
      what: `a hold ends after ${formatDuration(holdTimeoutMs)}: one of the evening is over before anybody looks`,
      fix: 'CANARY_HOLD_TIMEOUT=72h is usual',
    }),
  ],
];

export function checkSettings(config: Config): Finding[] {
  const notes = SETTING_CHECKS.filter(([applies]) => applies(config)).map(
    ([, describe]): Finding => ({ area: 'settings', level: 'note', ...describe(config) }),
  );
  return notes.length > 0 ? notes : [{ area: 'settings', level: 'ok', what: 'nothing unusual is configured' }];
}
