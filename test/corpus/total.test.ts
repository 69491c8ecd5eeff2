import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAutoRollback } from '../../src/config/auto-rollback.js';
import { parseHttpAddress, parseImages, parseRegistryHosts, parseWebAddress } from '../../src/config/parsers.js';
import { parsePem, parseWebhookSecrets } from '../../src/config/sink-settings.js';
import { InvalidInput, listed, withoutControls } from '../../src/contract/brand.js';
import { parseLane } from '../../src/contract/ids.js';
import { parseCanaryTag, parseDigest, parseRepository } from '../../src/contract/image.js';
import { parseMoveInput } from '../../src/contract/move.js';
import { parseSecretText, parseToken } from '../../src/contract/secret.js';
import { parseSha } from '../../src/contract/sha.js';
import { parseApprovers } from '../../src/domain/approvers.js';
import { checkDecision } from '../../src/domain/decide.js';
import { parseDuration } from '../../src/domain/duration.js';
import {
  parseAddTenantInput,
  parseReleaseInput,
  parseRollbackInput,
  parseWatchInput,
  takeToken,
} from '../../src/domain/inputs.js';
import { parseMoment } from '../../src/domain/moment.js';
import {
  parseFleetWatchInput,
  parsePlan,
  parsePlannedTenant,
  parseWatchPlan,
  parseWatchState,
} from '../../src/domain/payloads/plan.js';
import { parseFleetSeen, parseProductionSeen } from '../../src/domain/payloads/seen.js';
import { applyCommand } from '../../src/lane/commands.js';
import { parseDrift } from '../../src/lane/drift.js';
import {
  parseHolderReport,
  parseLaneRequest,
  parseMoveQuestion,
  parseMoveReport,
  parseRevocation,
  parseRollbackRequest,
} from '../../src/lane/payloads/parse.js';
import { parseLaneState } from '../../src/lane/payloads/state.js';
import { emptyLane } from '../../src/lane/state.js';
import { DIRECT } from '../../src/net/network.js';
import { parseProxy } from '../../src/net/proxy.js';
import { parseIssuers } from '../../src/oidc/issuers.js';
import { parseChallenges, parseScopes } from '../../src/registry/auth/challenge.js';
import { parseDockerConfig } from '../../src/registry/auth/docker-config.js';
import { suiteProblems } from '../../src/smoke/validate-suite.js';
import { parseBuildProbe } from '../../src/tenants/build-probe.js';
import { ControlPlaneError } from '../../src/tenants/control-plane/client.js';
import { parseOrigin } from '../../src/tenants/fleet.js';
import { parseFleet } from '../../src/tenants/sources/parse.js';
import { anyCharacter } from '../support/any-character.js';
import { costing } from '../support/corpus.js';
import { askControlPlane, HELD, JUDGES, refusalIn } from '../support/hostile-input.js';
import { judgeOne } from '../support/judges.js';
import { startRawServer } from '../support/raw-server.js';
import { runs } from '../support/rows.js';

const OF_TEXT: Record<string, (text: string) => unknown> = {
  parseApprovers,
  parseAutoRollback,
  parseBuildProbe,
  parseCanaryTag,
  parseChallenges,
  parseDigest,
  parseDockerConfig: (text) => parseDockerConfig(text, 'config.json'),
  parseDuration,
  parseHttpAddress,
  parseImages,
  parseIssuers,
  parseLane,
  parseMoment: (text) => parseMoment(text, 0),
  parseFleet: (text) => {
    const { problems } = parseFleet(text, { unnamed: 'canary', needsToken: true, network: DIRECT, lookUp: () => '' });
    expect(problems.length).toBeGreaterThan(0);
    for (const problem of problems) expect(withoutControls(problem)).toBe(problem);
  },
  parsePem,
  parseOrigin: (text) => parseOrigin(text, 'elsewhere'),
  parseProxy: (text) => parseProxy(text, 'HTTPS_PROXY'),
  parseRegistryHosts,
  parseRepository,
  parseScopes,
  parseSecretText,
  parseSha,
  parseToken,
  parseWebAddress,
  parseWebhookSecrets,
};

/** Answers of a decision or a command: a refusal is a line, as an error is. */
const decide = (verb: 'approve' | 'abort' | 'retry' | 'force') => (sent: unknown) =>
  isLine(refusalIn(checkDecision(verb, sent, HELD, 0)));
const command = (name: string) => (sent: unknown) => isLine(refusalIn(applyCommand(emptyLane(), name, sent, 0)));

const OF_ANYTHING: Record<string, (sent: unknown) => unknown> = {
  approve: decide('approve'),
  abort: decide('abort'),
  retry: decide('retry'),
  force: decide('force'),
  adopt: command('adopt'),
  drop: command('drop'),
  pause: command('pause'),
  quarantine: command('quarantine'),
  renew: command('renew'),
  resume: command('resume'),
  sequence: command('sequence'),
  unbad: command('unbad'),
  unhold: command('unhold'),
  unquarantine: command('unquarantine'),
  parseAddTenantInput,
  parseDrift,
  parseFleetSeen: (sent) => parseFleetSeen(sent, ['canary-1']),
  parseFleetWatchInput,
  parseHolderReport,
  parseLaneRequest,
  parseLaneState,
  parseMoveInput,
  parseMoveQuestion,
  parseMoveReport,
  parsePlan,
  parsePlannedTenant,
  parseProductionSeen: (sent) => parseProductionSeen(sent, ['production-1']),
  parseReleaseInput: (sent) => parseReleaseInput(takeToken(sent).rest),
  parseRevocation,
  parseRollbackInput: (sent) => parseRollbackInput(takeToken(sent).rest),
  parseRollbackRequest,
  parseWatchInput,
  parseWatchPlan,
  parseWatchState,
  suiteProblems: (sent) => {
    expect(suiteProblems(sent).length).toBeGreaterThan(0);
  },
};

/** Fields and words that the parsers know, so that random input gets past the first check. */
const WORDS = [
  'sha',
  '4c1d56e',
  'images',
  'by',
  'reason',
  'kind',
  'rollback',
  'ghcr.io/a/b',
  'tenants',
  'tenant',
  'until',
  'sequence',
  'hold',
  'data',
  'status',
  'orgs',
  'slug',
  'admin_token',
  'result',
  'name',
  '__proto__',
];
const text = fc.oneof(
  fc.string({ unit: anyCharacter, maxLength: 300 }),
  fc.string(),
  fc.constantFrom(...WORDS, 'https://a', '6m'),
  // A megabyte of the same: a parser that goes over it twice for each character takes hours.
  fc
    .tuple(
      fc.constantFrom(' ', '\t', ',', ':', '(', '[', '{"a":', '0', 'a', '.', '-', '"', '\\', '://', 'é'),
      fc.nat(200_000),
    )
    .map(([part, times]) => part.repeat(times)),
);
const anything = fc.oneof(
  fc.jsonValue(),
  fc.nat(2_000).map((size) => Array(size).fill({ sha: '4c1d56e' })),
  fc.dictionary(fc.constantFrom(...WORDS), fc.oneof(fc.jsonValue(), text, fc.array(fc.dictionary(text, text)))),
);

const numRuns = runs(100, 25);
/** Each goes over HTTP. */
const answers = runs(100, 10);
/** All runs of a property together may cost as much as one file of the corpus, or as four. */
const within = (assert: () => Promise<void>) => costing(assert, runs(4, 1));

describe('a parser returns, or throws InvalidInput with one short line', () => {
  test.each(Object.entries(OF_TEXT))('%s', (_, parse) =>
    within(async () =>
      fc.assert(
        fc.property(text, (sent) => isTotal(parse, sent)),
        { numRuns },
      ),
    ),
  );
  test.each(Object.entries(OF_ANYTHING))('%s', (_, parse) =>
    within(async () =>
      fc.assert(
        fc.property(anything, (sent) => isTotal(parse, sent)),
        { numRuns },
      ),
    ),
  );
});

function isTotal<T>(parse: (sent: T) => unknown, sent: T): void {
  try {
    parse(sent);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidInput);
    isLine((error as InvalidInput).message);
  }
}

function isLine(message: string): void {
  expect(withoutControls(message)).toBe(message);
  expect(message.length).toBeLessThanOrEqual(1_000);
}

describe('whatever a server answers', () => {
  let server: Awaited<ReturnType<typeof startRawServer>>;
  beforeAll(async () => {
    server = await startRawServer();
  });
  afterAll(() => server.stop());

  const status = fc.oneof(fc.constant(200), fc.integer({ min: 200, max: 599 }));
  const answer = fc.record({
    status,
    body: fc.oneof(
      text,
      anything.map((value) => JSON.stringify(value)),
    ),
  });

  test.each(['orgs', 'token', 'create', 'redeploy'] as const)(
    'the control plane to %s is a value or one line',
    (asks) =>
      within(() =>
        fc.assert(
          fc.asyncProperty(answer, async (sent) => {
            server.answerWith(sent);
            const fault = await askControlPlane(server.host, asks).then(
              () => null,
              (error: unknown) => error,
            );
            if (fault === null) return;
            expect(fault).toBeInstanceOf(ControlPlaneError);
            isLine((fault as ControlPlaneError).message);
          }),
          { numRuns: answers },
        ),
      ),
  );

  test.each(Object.entries(JUDGES))('a judge of %s gives a result of one line each', (_, judgeOf) =>
    within(() =>
      fc.assert(
        fc.asyncProperty(answer, async (sent) => {
          server.answerWith(sent);
          const result = await judgeOne(judgeOf(server.host), {
            window: { from: 1_699_999_700_000, until: 1_700_000_000_000 },
            env: { TOKEN: 'hush-hush-of-prometheus' },
            origin: `http://${server.host}`,
          });
          for (const line of Object.values(result)) if (typeof line === 'string') isLine(line);
        }),
        { numRuns: answers },
      ),
    ),
  );
});

test('problems that are listed are short lines, at most 21 of them', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: anyCharacter, maxLength: 2_000 }), { maxLength: 100, size: 'max' }),
      (problems) => {
        const lines = listed(problems);
        expect(lines.length).toBeLessThanOrEqual(21);
        for (const line of lines) {
          expect(withoutControls(line)).toBe(line);
          expect(line.length).toBeLessThanOrEqual(1_000);
        }
      },
    ),
  );
});
