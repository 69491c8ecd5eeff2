import * as z from 'zod';
import { InvalidInputs, listed } from '../contract/brand.js';
import { parseLane } from '../contract/ids.js';
import type { Repository } from '../contract/image.js';
import { parseToken } from '../contract/secret.js';
import { formatDuration } from '../domain/duration.js';
import type { Network } from '../net/network.js';
import type { JudgeAccess } from '../smoke/kinds/judge.js';
import { MAX_SUITE_MS, SMOKE_WAITS } from '../smoke/waits.js';
import { parseBuildProbe } from '../tenants/build-probe.js';
import type { ControlPlane } from '../tenants/control-plane/client.js';
import type { Members } from '../tenants/control-plane/members.js';
import type { FleetSource } from '../tenants/fleet.js';
import { parseAutoRollback } from './auto-rollback.js';
import { CONTROL_PLANE_SETTINGS, FLEET_SETTINGS, type FleetSettingName } from './fleet-settings.js';
import { IDENTITY_SETTINGS } from './identity-settings.js';
import { IMAGE_SETTINGS } from './image-settings.js';
import { type HttpAddress, parseHttpAddress, parseWebAddress } from './parsers.js';
import { duration, flag, orNull, parsed, positive, secret, setting, text } from './setting.js';
import { SINK_SETTINGS, type SinkSecrets } from './sink-settings.js';

/** The environment as a process has it. */
export type Env = Readonly<Record<string, string | undefined>>;

/** Variables of later releases: setting one is an error, as it would have no effect. */
export const UNSUPPORTED = ['CANARY_REPORT_TOKEN'];

/** Every setting, in the order of docs/configuration.md: the key is its name in `Config`, an absent variable gives the default. */
export const SETTINGS = z.object({
  ...FLEET_SETTINGS,
  ...CONTROL_PLANE_SETTINGS,
  smokeSuite: setting(
    'CANARY_SMOKE_SUITE',
    'The module of your own suite (`docs/smoke-suite.md`). Unset: the six checks of the default suite.',
    orNull(text.regex(/\.[cm]?[jt]s$/, 'must be a .ts or .js file')),
  ),
  smokeTimeoutMs: setting(
    'CANARY_SMOKE_TIMEOUT',
    'The longest a suite may take on one tenant.',
    positive(formatDuration(SMOKE_WAITS.suiteMs)).refine(
      (ms) => ms <= MAX_SUITE_MS,
      `must be at most ${formatDuration(MAX_SUITE_MS)}`,
    ),
  ),
  ...IMAGE_SETTINGS,
  lane: setting(
    'CANARY_LANE',
    'A prefix for every workflow id and task queue, so that several gates can share a namespace.',
    parsed(parseLane).prefault(''),
  ),
  gatesFile: setting(
    'CANARY_GATES_FILE',
    'A JSON file of gates by name (`docs/gates.schema.json`), which one worker serves on one set of task queues: docs/gates.md. What a gate does not set is as in the environment. Unset: the environment is the only gate.',
    orNull(text),
  ),
  buildProbe: setting(
    'CANARY_BUILD_PROBE',
    'Where a tenant reports its build, as `path#field`; the first that answers counts. `none`: no build is ever confirmed.',
    parsed(parseBuildProbe).prefault('/health#sha,/buildinfo#git_sha'),
  ),
  minTenants: setting(
    'CANARY_MIN_TENANTS',
    'Canary tenants that must test a build at least; with fewer, because others are in quarantine, the release is held.',
    text
      .regex(/^[1-9]\d{0,3}$/, 'must be a whole number of at least 1')
      .prefault('1')
      .transform(Number),
  ),
  soakMs: setting('CANARY_SOAK', 'How long a build runs on every canary before it is smoked.', duration('6m')),
  pollMs: setting('CANARY_POLL', 'How often tenants are asked for their build.', positive('5s')),
  updateTimeoutMs: setting(
    'CANARY_UPDATE_TIMEOUT',
    'How long tenants may take to report the build; then the release is held.',
    positive('10m'),
  ),
  updateCycleMs: setting(
    'CANARY_UPDATE_CYCLE',
    'The update cycle of the tenants: a shorter soak is extended to it.',
    duration('5m'),
  ),
  bakeMs: setting(
    'CANARY_BAKE',
    'How long every production tenant must be seen on the build, live and without a break, before the watch ends `followed`.',
    positive('10m'),
  ),
  autoRollback: setting(
    'CANARY_AUTO_ROLLBACK',
    'What happens when production turns red within the watch: `off` (an alarm), `propose` (an alarm with the command), or a number (`2`) or share (`25%`) of red or silent tenants, judges of the suite marked `after` included, from which on the gate rolls back to the last good build. It does so once for each promotion, and asks a person after two in a row.',
    parsed(parseAutoRollback).prefault('propose'),
  ),
  restartGraceMs: setting(
    'CANARY_RESTART_GRACE',
    'How long a production tenant that answered before may be without an answer, in all; then it is red.',
    duration('60s'),
  ),
  soakProbeMs: setting(
    'CANARY_SOAK_PROBE',
    'The time between two probes of every canary from the soak to the move: its build and the read-only checks.',
    positive('10s'),
  ),
  approval: setting(
    'CANARY_APPROVAL',
    '`required`: every promotion waits for a person.',
    z.enum(['auto', 'required'], 'must be auto or required').prefault('auto'),
  ),
  ...IDENTITY_SETTINGS,
  ...SINK_SETTINGS,
  holdTimeoutMs: setting('CANARY_HOLD_TIMEOUT', 'When a hold expires; it never promotes.', positive('72h')),
  http: setting(
    'CANARY_HTTP_ADDR',
    'Where the worker serves `/healthz`, `/readyz` and `/metrics`.',
    parsed(parseHttpAddress).prefault('127.0.0.1:9464'),
  ),
  payloadKeyFile: setting(
    'CANARY_PAYLOAD_KEY_FILE',
    'File of keys, a line `id:base64` each, that encrypt what Temporal stores (`docs/security.md`). The command line reads it too. Unset: nothing is encrypted.',
    orNull(text),
  ),
  codecTokenFile: setting(
    'CANARY_CODEC_TOKEN_FILE',
    'File of the token that `canary codec-server` expects. Unset: one is made at each start.',
    orNull(text),
  ),
  uiUrl: setting(
    'CANARY_UI_URL',
    'The address of the Temporal UI, for links in reports. The command line reads it too.',
    orNull(parsed(parseWebAddress)),
  ),
  runbookUrl: setting(
    'CANARY_RUNBOOK_URL',
    'The address of your runbook, for links in reports. The command line reads it too.',
    orNull(parsed(parseWebAddress)),
  ),
  holdGraceMs: setting(
    'CANARY_HOLD_GRACE',
    'How long a green build that waits only for a person is protected from a newer one.',
    duration('30m'),
  ),
  unsafe: setting(
    'CANARY_UNSAFE',
    '`true` accepts durations below the least values, for trials: a soak that proves nothing, a hold that no one can decide in time.',
    flag,
  ),
  githubToken: secret(
    'GITHUB_TOKEN',
    'For ghcr.io only: a classic token with `write:packages`. Unset: Docker’s configuration and credential helpers.',
    orNull(parsed(parseToken)),
  ),
  githubActor: setting('GITHUB_ACTOR', 'The user name for that token.', text.prefault('x-access-token')),
});

export type Settings = z.output<typeof SETTINGS>;
type SettingName = keyof Settings;
/** Settings that become lists of images, a fleet source, secrets or `http`. */
export const RAW = [
  'images',
  ...(Object.keys(FLEET_SETTINGS) as FleetSettingName[]),
  'cpAdminToken',
  'cpSharedSecret',
  'githubToken',
  'githubActor',
  'oidcToken',
  'oidcAudience',
  'gatesFile',
  'slackWebhook',
  'webhookUrl',
  'webhookSecret',
  'githubNotifyToken',
  'githubAppId',
  'githubAppKey',
  'http',
] as const;
type Raw = (typeof RAW)[number];

/** What a worker is configured with. Fields of `SETTINGS` have its units: `…Ms` are milliseconds. */
export interface Config extends Readonly<Omit<Settings, Raw>> {
  /** The images that move together. */
  readonly images: Repository[];
  /** Those of them that a build may leave out. */
  readonly optionalImages: Repository[];
  /** The canary tenants; null if none are configured. */
  readonly fleet: FleetSource | null;
  /** The production tenants to watch after a move; null if none are configured. */
  readonly productionFleet: FleetSource | null;
  /** The control plane; null if none is configured. */
  readonly controlPlane: ControlPlane | null;
  /** Where new canary tenants are added; null if the fleet is no file. */
  readonly members: Members | null;
  /** The worker's own address; a taken default address is skipped, a taken configured one is an error. */
  readonly http: { address: HttpAddress; isDefault: boolean };
  /** How other hosts are reached: by the proxies and authorities of the environment. */
  readonly network: Network;
  /** How the judges of the suite reach what they ask. */
  readonly judging: JudgeAccess;
  readonly secrets: Secrets;
}

/** Looked up where they are used; never part of a plan, an input or a result. */
export interface Secrets extends SinkSecrets {
  /** For ghcr.io only; the password of a file is as it is now. */
  github: { username: string; password: string } | null;
}

/** The problems of a configuration, one line each. */
export class ConfigError extends InvalidInputs {
  override readonly name = 'ConfigError';
  constructor(problems: string[]) {
    super(listed(problems), 'configuration');
  }
}

export const SETTING_NAMES = Object.keys(SETTINGS.shape) as SettingName[];
const ABOUT = new Map(SETTING_NAMES.map((name) => [name, SETTINGS.shape[name].meta()]));
/** The variable of a setting. */
export const variableOf = (name: SettingName) => ABOUT.get(name)?.variable as string;
/** The variables that also exist as `NAME_FILE`. */
export const SECRETS = SETTING_NAMES.filter((name) => ABOUT.get(name)?.secret).map(variableOf);

/** Reads one setting, for commands that need no whole configuration. An empty value counts as unset.
 * @throws {ConfigError} */
export function readSetting<N extends SettingName>(env: Env, name: N): Settings[N] {
  const variable = variableOf(name);
  const value = env[variable];
  const result = SETTINGS.shape[name].safeParse(value?.trim() ? value : undefined);
  if (!result.success) throw new ConfigError(result.error.issues.map(({ message }) => `${variable}: ${message}`));
  return result.data as Settings[N];
}
