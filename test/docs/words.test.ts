import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../../testbed/tools.js';
import { repositoryFiles } from '../support/repository-files.js';

/** Words that say less than a plain one, and what is written in their place. */
const WORDS: Record<string, string> = {
  anew: 'again',
  'by itself': 'automatically, alone',
  'all the same': 'anyway',
  whoever: 'the caller, anyone who',
  nobody: 'no worker, no tenant, no one',
  somebody: 'a person',
  'has to': 'must',
  mend: 'fix',
  mended: 'fixed',
  natively: 'without containers',
  'makes no sense': 'invalid …: expected …',
  'it was told so': 'name the thing',
  'the last of those': 'name the thing',
  'the word': 'the write lease, the decision',
  "person's word": "a person's order, a person's approval",
  "lane's word": 'the write lease, the message of the lane',
  'its turn': 'the lane, the fencing token',
  'no rubber stamp': 'finds a violation if …',
  'human says': 'a person approves',
};
/** Names that the glossary replaces, as they are spelled in code, on the wire and in pages that name code. */
const NAMES: Record<string, string> = {
  takeTurn: 'acquireLane',
  confirmTurn: 'confirmHolder',
  TurnChanged: 'LaneChanged',
  WriteGate: 'WriteLease',
  StaleYes: 'LeaseExpired',
  yesAt: 'leaseGrantedAt',
  byWord: 'manual',
  takeOver: 'preempt',
  giveWay: 'notifyHolder',
  starved: 'consecutivePreemptions, consecutive-preemptions',
  saidAgain: 'retryLostUpdate',
  foresight: 'preview-rollback',
  rehearse: 'dryRun',
  teller: 'throttledSignal',
  laneUnheard: 'laneUnavailable',
  'lane-unheard': 'lane-unavailable',
  canary_look_ok: 'canary_collector_ok',
  'look.failed': 'collector.failed',
};
/** Where they are named: here, and where texts of other products stand. */
const LEFT_OUT = ['test/docs/words.test.ts', 'package-lock.json'];

const texts = repositoryFiles()
  .filter((file) => /\.(ts|mjs|cjs|js|md|ya?ml|json|sh)$/.test(file))
  .filter((file) => !file.startsWith('test/histories/') && !LEFT_OUT.includes(file))
  .map((file) => ({ file, text: readFileSync(join(repositoryRoot, file), 'utf8') }));

function found(words: Record<string, string>, flags: string): string[] {
  const escaped = Object.keys(words).map((word) => word.replaceAll('.', '\\.'));
  const pattern = new RegExp(`(?<![\\w-])(?:${escaped.join('|')})(?![\\w-])`, flags);
  return texts.flatMap(({ file, text }) =>
    [...text.matchAll(pattern)].map(([word]) => `${file}: ${word} (${words[word.toLowerCase()] ?? words[word]})`),
  );
}

test('no text has a word that the glossary replaces', () => {
  expect(texts.length).toBeGreaterThan(1_000);
  expect(found(WORDS, 'gi')).toEqual([]);
});

test('no name is one that the glossary replaces', () => {
  expect(found(NAMES, 'g')).toEqual([]);
});
