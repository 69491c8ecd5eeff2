import type { Config } from '../config/schema.js';
import { appToken } from './github/app-token.js';
import { githubSink } from './github/github.js';
import type { NoticeContext } from './notice.js';
import type { Sink } from './sink.js';
import { slackSink } from './slack.js';
import { webhookSink } from './webhook.js';

/** Sinks outside of this process that a gate is configured with. */
export function configuredSinks(config: Config, namespace: string): Sink[] {
  const { secrets, network, lane, uiUrl, slackSeverity, webhookEvents, images, githubRepo } = config;
  const notices = { lane, namespace, ui: uiUrl ?? undefined, repository: githubRepo };
  return [
    ...(secrets.webhook ? [webhookSink(secrets.webhook, webhookEvents, network, { lane, namespace, images })] : []),
    ...(secrets.githubNotify && githubRepo ? [github(config, githubRepo, notices)] : []),
    ...(secrets.slack ? [slackSink(secrets.slack, slackSeverity, network, notices)] : []),
  ];
}

function github({ secrets, network, ...config }: Config, repository: string, context: NoticeContext): Sink {
  const { githubApi: api, githubEnvironment: name, githubEnvironmentUrl: url } = config;
  const given = secrets.githubNotify;
  const token =
    given !== null && 'app' in given ? appToken(given.app, api, repository, network) : async () => given?.token() ?? '';
  return githubSink({ api, repository, token, network }, { name, url }, context);
}
