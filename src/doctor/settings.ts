import type { Config } from '../config/schema.js';
import { unsafeSettings } from '../config/unsafe.js';
import { formatDuration } from '../domain/duration.js';
import type { Finding } from './finding.js';

const SHORT_SOAK_MS = 6 * 60_000;
const SLOW_POLL_MS = 30_000;
const OVERNIGHT_MS = 12 * 3_600_000;

/** When a note applies, and the note. */
type SettingCheck = [(config: Config) => boolean, (config: Config) => Pick<Finding, 'what' | 'fix'>];

/** Valid settings that are seldom intended. */
const SETTING_CHECKS: SettingCheck[] = [
  [
    ({ fleet }) => fleet === null,
    () => ({
      what: 'no canary fleet: every promotion waits for a person',
      fix: 'set CANARY_TENANT_URLS and CANARY_ADMIN_TOKENS, or CANARY_FLEET_FILE',
    }),
  ],
  [
    ({ buildProbe }) => buildProbe.length === 0,
    () => ({
      what: 'no build is ever confirmed: each release is held, then waits for approval',
      fix: 'let tenants report their build, and name where in CANARY_BUILD_PROBE',
    }),
  ],
  [
    ({ approval }) => approval === 'required',
    () => ({ what: 'every promotion waits for a person', fix: 'CANARY_APPROVAL=auto, if that is not intended' }),
  ],
  [
    ({ soakMs, updateCycleMs }) => soakMs < updateCycleMs,
    ({ soakMs, updateCycleMs }) => ({
      what: `a ${formatDuration(soakMs)} soak is shorter than an update cycle: ${formatDuration(updateCycleMs)} is used`,
      fix: 'set CANARY_SOAK to at least CANARY_UPDATE_CYCLE',
    }),
  ],
  [
    ({ soakMs, updateCycleMs }) => soakMs < SHORT_SOAK_MS && soakMs >= updateCycleMs,
    ({ soakMs }) => ({ what: `a ${formatDuration(soakMs)} soak is short; 6m is recommended`, fix: 'CANARY_SOAK=6m' }),
  ],
  [
    ({ soakProbeMs, soakMs }) => soakMs > 0 && soakProbeMs * 3 > soakMs,
    ({ soakProbeMs, soakMs }) => ({
      what: `a probe every ${formatDuration(soakProbeMs)} sees little of a ${formatDuration(soakMs)} soak`,
      fix: 'CANARY_SOAK_PROBE=10s is recommended',
    }),
  ],
  [
    ({ updateTimeoutMs, updateCycleMs }) => updateTimeoutMs <= updateCycleMs,
    ({ updateTimeoutMs, updateCycleMs }) => ({
      what: `canaries have ${formatDuration(updateTimeoutMs)} to report a build, but update only every ${formatDuration(updateCycleMs)}`,
      fix: 'raise CANARY_UPDATE_TIMEOUT',
    }),
  ],
  [
    ({ pollMs }) => pollMs > SLOW_POLL_MS,
    ({ pollMs }) => ({
      what: `tenants are asked for their build only every ${formatDuration(pollMs)}`,
      fix: 'CANARY_POLL=5s is recommended',
    }),
  ],
  [
    ({ holdTimeoutMs }) => holdTimeoutMs < OVERNIGHT_MS,
    ({ holdTimeoutMs }) => ({
      what: `a hold expires after ${formatDuration(holdTimeoutMs)}: one of the evening expires before the next morning`,
      fix: 'CANARY_HOLD_TIMEOUT=72h is recommended',
    }),
  ],
];

function unsafeFinding(config: Config): Finding {
  const accepted = unsafeSettings(config);
  const what = `CANARY_UNSAFE is set: ${accepted.join('; ') || 'no setting needs it'}`;
  return { area: 'settings', level: 'warning', what, fix: 'unset it, unless this gate is a trial' };
}

/** Notes on valid settings that are seldom intended; reads the fleet, so that what is wrong with it shows first.
 * @throws {FleetError} */
export async function checkSettings(config: Config): Promise<Finding[]> {
  await config.fleet?.read();
  const notes = SETTING_CHECKS.filter(([applies]) => applies(config)).map(
    ([, describe]): Finding => ({ area: 'settings', level: 'note', ...describe(config) }),
  );
  const unsafe = config.unsafe ? [unsafeFinding(config)] : [];
  const findings = [...unsafe, ...notes];
  return findings.length > 0 ? findings : [{ area: 'settings', level: 'ok', what: 'nothing unusual is configured' }];
}
