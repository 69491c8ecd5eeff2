import type { Config } from '../config/config.js';
import { formatDuration } from '../domain/duration.js';
import type { Finding } from './finding.js';

const SIX_MINUTES = 6 * 60_000;
const SLOW_POLL = 30_000;
const A_NIGHT = 12 * 3_600_000;

type Unusual = [(config: Config) => boolean, (config: Config) => Pick<Finding, 'what' | 'mend'>];

/** What a configuration may say, but seldom means. */
const UNUSUAL: Unusual[] = [
  [
    (config) => config.readFleet().tenants.length === 0,
    () => ({
      what: 'no canary fleet: nothing is ever promoted without a human',
      mend: 'set CANARY_TENANT_URLS and CANARY_ADMIN_TOKENS, or CANARY_FLEET_FILE',
    }),
  ],
  [
    ({ buildProbe }) => buildProbe.length === 0,
    () => ({
      what: 'no build is ever confirmed: each release is held, and then asks for approval',
      mend: 'let tenants report their build, and name where in CANARY_BUILD_PROBE',
    }),
  ],
  [
    ({ approval }) => approval === 'required',
    () => ({ what: 'every promotion waits for a human', mend: 'CANARY_APPROVAL=auto, if that is not meant' }),
  ],
  [
    ({ soakMs, updateCycleMs }) => soakMs < updateCycleMs,
    ({ soakMs, updateCycleMs }) => ({
      what: `a soak of ${formatDuration(soakMs)} is shorter than an update cycle: ${formatDuration(updateCycleMs)} is used`,
      mend: 'CANARY_SOAK has to be at least CANARY_UPDATE_CYCLE',
    }),
  ],
  [
    ({ soakMs, updateCycleMs }) => soakMs < SIX_MINUTES && soakMs >= updateCycleMs,
    ({ soakMs }) => ({ what: `a soak of ${formatDuration(soakMs)} shows little`, mend: 'CANARY_SOAK=6m is usual' }),
  ],
  [
    ({ soakProbeMs }) => soakProbeMs === 0,
    () => ({ what: 'the soak is not watched', mend: 'CANARY_SOAK_PROBE=60s is usual' }),
  ],
  [
    ({ updateTimeoutMs, updateCycleMs }) => updateTimeoutMs <= updateCycleMs,
    ({ updateTimeoutMs, updateCycleMs }) => ({
      what: `canaries get ${formatDuration(updateTimeoutMs)} to report a build, and update every ${formatDuration(updateCycleMs)}`,
      mend: 'raise CANARY_UPDATE_TIMEOUT',
    }),
  ],
  [
    ({ pollMs }) => pollMs > SLOW_POLL,
    ({ pollMs }) => ({
      what: `tenants are asked for their build every ${formatDuration(pollMs)} only`,
      mend: 'CANARY_POLL=5s is usual',
    }),
  ],
  [
    ({ holdTimeoutMs }) => holdTimeoutMs < A_NIGHT,
    ({ holdTimeoutMs }) => ({
      what: `a hold ends after ${formatDuration(holdTimeoutMs)}: one of the evening is over before anybody looks`,
      mend: 'CANARY_HOLD_TIMEOUT=72h is usual',
    }),
  ],
];

export function lookAtSettings(config: Config): Finding[] {
  const notes = UNUSUAL.filter(([isSo]) => isSo(config)).map(
    ([, tell]): Finding => ({ area: 'settings', level: 'note', ...tell(config) }),
  );
  return notes.length > 0 ? notes : [{ area: 'settings', level: 'ok', what: 'nothing unusual is configured' }];
}
