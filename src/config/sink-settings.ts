import { createPrivateKey } from 'node:crypto';
import * as z from 'zod';
import { InvalidInput, shown } from '../contract/brand.js';
import { EVENTS, type ReleaseEvent } from '../contract/events.js';
import { parseToken } from '../contract/secret.js';
import { isProtected } from '../net/loopback.js';
import { list, parseWebAddress } from './parsers.js';
import { orNull, parsed, secret, setting, text } from './setting.js';

/** An address that something secret is sent to. That of a webhook is a secret itself, so no message repeats it.
 * @throws {InvalidInput} */
function parseSafeAddress(given: string): string {
  const address = given.trim();
  if (URL.canParse(address) && isProtected(new URL(address))) return address;
  throw new InvalidInput('must be an https address');
}

/** Least length of a secret that signs, in bytes. */
const MIN_SECRET = 24;

/** Secrets of the Standard Webhooks scheme: `whsec_` and base64, the one that signs first; a second one while receivers change to it.
 * @throws {InvalidInput} */
export function parseWebhookSecrets(given: string): Buffer[] {
  const secrets = list(given).map((one) => /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(one)?.[1] ?? '');
  const keys = secrets.map((one) => Buffer.from(one, 'base64'));
  if (keys.length === 0 || keys.some(({ length }) => length < MIN_SECRET))
    throw new InvalidInput(`must be whsec_ and ${MIN_SECRET} bytes or more in base64`);
  return keys;
}

/** @throws {InvalidInput} */
function parseEventTypes(given: string): ReleaseEvent['type'][] {
  return list(given).map((type) => {
    if (Object.hasOwn(EVENTS, type)) return type as ReleaseEvent['type'];
    throw new InvalidInput(`no event ${shown(type)}: expected ${Object.keys(EVENTS).join(', ')}`);
  });
}

/** @throws {InvalidInput} */
function parseRepo(given: string): string {
  const repository = given.trim();
  if (/^[\w-]{1,39}\/(?!\.{1,2}$)[\w.-]{1,100}$/.test(repository)) return repository;
  throw new InvalidInput(`invalid repository ${shown(repository)}: expected owner/name`);
}

/** @throws {InvalidInput} which does not contain it. */
export function parsePem(given: string): string {
  const key = given.trim();
  if (isPrivateKey(key)) return key;
  throw new InvalidInput('must be a private key, PEM');
}

function isPrivateKey(key: string): boolean {
  try {
    return createPrivateKey(key).type === 'private';
  } catch {
    return false;
  }
}

/** @throws {InvalidInput} */
function parseAppId(given: string): string {
  const id = given.trim();
  if (/^[\w.-]{1,64}$/.test(id)) return id;
  throw new InvalidInput(`invalid id ${shown(id)}: expected that of the app, e.g. 123456`);
}

/** An API that errors and logs name: a login in its address would be shown.
 * @throws {InvalidInput} */
const parseApi = (given: string): string => parseWebAddress(parseSafeAddress(given));

/** Settings of what is told to people and other programs (docs/notifications.md). */
export const SINK_SETTINGS = {
  webhookUrl: secret(
    'CANARY_WEBHOOK_URL',
    'The address that receives every event as a CloudEvent (docs/notifications.md). Unset: none.',
    orNull(parsed(parseSafeAddress)),
  ),
  webhookSecret: secret(
    'CANARY_WEBHOOK_SECRET',
    'What signs them, by the Standard Webhooks scheme: `whsec_` and base64; two, the new one first, while it is rotated.',
    orNull(parsed(parseWebhookSecrets)),
  ),
  webhookEvents: setting(
    'CANARY_WEBHOOK_EVENTS',
    'The types of events that it receives, separated by commas (docs/reference.md, Events). Unset: all.',
    orNull(parsed(parseEventTypes)),
  ),
  slackWebhook: secret(
    'CANARY_SLACK_WEBHOOK',
    'The address of an incoming webhook of Slack (docs/notifications.md). Unset: Slack is not told.',
    orNull(parsed(parseSafeAddress)),
  ),
  slackSeverity: setting(
    'CANARY_SLACK_SEVERITY',
    'The least severity that Slack is told: `info`, `warning` (a person must decide, a rollback) or `critical` (RED, an alarm).',
    z.enum(['info', 'warning', 'critical'], 'must be info, warning or critical').prefault('info'),
  ),
  githubRepo: setting(
    'CANARY_GITHUB_REPO',
    'The repository, `owner/name`, that gets commit statuses, deployments and one issue (docs/notifications.md). Unset: none.',
    orNull(parsed(parseRepo)),
  ),
  githubNotifyToken: secret(
    'CANARY_GITHUB_TOKEN',
    'A token for that: statuses, deployments and issues may be written, contents read. Or a GitHub App, by the next two.',
    orNull(parsed(parseToken)),
  ),
  githubAppId: setting(
    'CANARY_GITHUB_APP_ID',
    'The id of a GitHub App that is installed on the repository.',
    orNull(parsed(parseAppId)),
  ),
  githubAppKey: secret('CANARY_GITHUB_APP_KEY', 'The private key of that app, PEM.', orNull(parsed(parsePem))),
  githubEnvironment: setting(
    'CANARY_GITHUB_ENVIRONMENT',
    'The environment of the deployments.',
    text.prefault('production'),
  ),
  githubEnvironmentUrl: setting(
    'CANARY_GITHUB_ENVIRONMENT_URL',
    'The address of production, for the page of a deployment.',
    orNull(parsed(parseWebAddress)),
  ),
  githubApi: setting(
    'GITHUB_API_URL',
    'The address of the API of GitHub; another one for GitHub Enterprise.',
    parsed(parseApi).prefault('https://api.github.com'),
  ),
};

/** Secrets of the sinks that are configured, as they are now. */
export interface SinkSecrets {
  slack: (() => string) | null;
  webhook: { url: () => string; secrets: () => Buffer[] } | null;
  /** By a token, or by an app. */
  githubNotify: { token: () => string } | { app: { id: string; key: () => string } } | null;
}

type SinkSettings = { [Name in keyof typeof SINK_SETTINGS]: z.output<(typeof SINK_SETTINGS)[Name]> };

/** @param live a secret as it is now, by its variable. */
export function sinkSecrets(
  { slackWebhook, webhookUrl, webhookSecret, githubNotifyToken, githubAppId, githubAppKey }: SinkSettings,
  live: <T>(variable: string, first: T, parse: (text: string) => T) => () => T,
): SinkSecrets {
  const address = (variable: string, first: string) => live(variable, first, parseSafeAddress);
  return {
    slack: slackWebhook === null ? null : address('CANARY_SLACK_WEBHOOK', slackWebhook),
    webhook:
      webhookUrl === null || webhookSecret === null
        ? null
        : {
            url: address('CANARY_WEBHOOK_URL', webhookUrl),
            secrets: live('CANARY_WEBHOOK_SECRET', webhookSecret, parseWebhookSecrets),
          },
    githubNotify:
      githubNotifyToken !== null
        ? { token: live('CANARY_GITHUB_TOKEN', githubNotifyToken, parseToken) }
        : githubAppId !== null && githubAppKey !== null
          ? { app: { id: githubAppId, key: live('CANARY_GITHUB_APP_KEY', githubAppKey, parsePem) } }
          : null,
  };
}

/** Settings that need one another. */
export function sinkProblems(given: SinkSettings): string[] {
  const { webhookUrl, webhookSecret, githubRepo, githubNotifyToken, githubAppId, githubAppKey } = given;
  const isApp = githubAppId !== null || githubAppKey !== null;
  return [
    ...(webhookUrl === null && webhookSecret !== null
      ? ['CANARY_WEBHOOK_SECRET without CANARY_WEBHOOK_URL: set both, or neither']
      : []),
    ...(webhookUrl !== null && webhookSecret === null
      ? [
          'CANARY_WEBHOOK_URL without CANARY_WEBHOOK_SECRET: a receiver cannot tell who sends (openssl rand -base64 32 makes one)',
        ]
      : []),
    ...((githubAppId === null) !== (githubAppKey === null)
      ? ['CANARY_GITHUB_APP_ID and CANARY_GITHUB_APP_KEY go together: set both, or neither']
      : []),
    ...(isApp && githubNotifyToken !== null
      ? ['CANARY_GITHUB_TOKEN and CANARY_GITHUB_APP_ID are both set: keep one']
      : []),
    ...(githubRepo !== null && !isApp && githubNotifyToken === null
      ? ['CANARY_GITHUB_REPO needs CANARY_GITHUB_TOKEN, or CANARY_GITHUB_APP_ID and CANARY_GITHUB_APP_KEY']
      : []),
    ...(githubRepo === null && (isApp || githubNotifyToken !== null)
      ? ['CANARY_GITHUB_REPO is missing: the repository, owner/name, that the credentials are for']
      : []),
  ];
}
