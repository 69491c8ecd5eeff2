import { isMove, namesLatest } from '../domain/events/overtaken.js';
import type { Network } from '../net/network.js';
import { type Notice, type NoticeContext, noticeOf, SEVERITIES, type Severity, severityOf } from './notice.js';
import { post, type Sink } from './sink.js';

/** Slack, by an incoming webhook: one message for each event that people are told of. */
export function slackSink(
  /** The address as it is now. It is the secret. */
  url: () => string,
  least: Severity,
  network: Network,
  context: NoticeContext,
): Sink {
  const name = 'slack';
  return {
    name,
    takes(event, later = []) {
      // It would say that `:latest` is where it is no more.
      if (namesLatest(event) && later.some(isMove)) return false;
      const severity = severityOf(event);
      return severity !== null && SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(least);
    },
    async deliver(event, live) {
      const notice = noticeOf(event, context, live);
      if (notice) await post(name, network, url(), {}, JSON.stringify(slackMessage(notice)));
    },
  };
}

/** Text without markup, mentions and links of Slack. */
const plain = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
/** Code; Slack knows no escape of a backtick in it. */
const code = (text: string) => `\`${plain(text.replaceAll('`', "'"))}\``;

/** Address in a link of Slack, without what would end it. An escape stays as it is, a broken one too: decoding it would throw. */
const linkTo = (url: string) => url.replace(/[\s<>|"`\\^{}]/g, encodeURIComponent);

/** Message of a notice: `text` is what a notification shows, the blocks are what the channel shows. */
export function slackMessage({ title, why, until, steps, url, compare }: Notice) {
  const links = Object.entries({ 'Run in Temporal': url, 'What changes': compare }).flatMap(([name, to]) =>
    to === undefined ? [] : [`<${linkTo(to)}|${name}>`],
  );
  const section = (text: string) => ({ type: 'section', text: { type: 'mrkdwn', text } });
  const lines = [
    `*${plain(title)}*`,
    ...(why === '' ? [] : [plain(why)]),
    ...(until === null ? [] : [`Expires at ${until}, without promoting.`]),
  ];
  return {
    text: plain(title),
    unfurl_links: false,
    blocks: [
      section(lines.join('\n')),
      ...(steps.length === 0
        ? []
        : [section(steps.map(({ when, command }) => `${plain(when)}: ${code(command)}`).join('\n'))]),
      ...(links.length === 0 ? [] : [{ type: 'context', elements: [{ type: 'mrkdwn', text: links.join(' · ') }] }]),
    ],
  };
}
