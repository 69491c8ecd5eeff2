import { parseLane } from '../../src/contract/ids.js';
import type { Repository } from '../../src/contract/image.js';
import { emptyLane } from '../../src/lane/state.js';
import { openCopy } from '../../src/ledger/copy.js';
import { parsePayloadKeys } from '../../src/temporal/payloads/keys.js';
import { corpus } from '../support/corpus.js';

const KEYS = parsePayloadKeys(`one:${Buffer.alloc(32, 7).toString('base64')}`);
const NOW = Date.UTC(2026, 10, 25);
const OWNER = { lane: parseLane(''), repository: 'registry.example/platform' as Repository };

interface Input {
  /** Text of the copy, or its first line as JSON: what of a good copy is otherwise. */
  text?: string;
  other?: Record<string, unknown>;
  /** What of a good ledger is otherwise. */
  ledger?: Record<string, unknown>;
  signature?: unknown;
  hasKeys?: boolean;
}

corpus<Input>('ledger', ({ text, other = {}, ledger = {}, signature = {}, hasKeys = false }) => {
  const good = { kind: 'canary-ledger', version: 1, ...OWNER, tag: 'latest', generation: 1 };
  const expectedLatest = { images: [], at: 1 };
  const line = JSON.stringify({ ...good, ledger: { ...emptyLane().ledger, expectedLatest, ...ledger }, ...other });
  const copy = openCopy(text ?? `${line}\n${JSON.stringify(signature)}\n`, OWNER, hasKeys ? KEYS : null, NOW);
  return { generation: copy.generation, isSigned: copy.isSigned, tag: copy.tag };
});
