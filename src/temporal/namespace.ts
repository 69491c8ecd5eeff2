import { type Client, type ConnectionLike, ScheduleAlreadyRunning, type ScheduleOptions } from '@temporalio/client';
import type { SearchAttributeType } from '@temporalio/common';
import { encodeSearchAttributeIndexedValueType } from '@temporalio/common/lib/search-attributes.js';
import { msToTs, tsToMs } from '@temporalio/common/lib/time.js';
import { InvalidInput } from '../contract/brand.js';
import { checkDriftId, type Lane, taskQueue, WORKFLOWS } from '../contract/ids.js';
import { formatDuration, parseDuration } from '../domain/duration.js';
import { deniedOrUnsupported } from './connect.js';

export interface Attribute {
  name: string;
  type: SearchAttributeType;
}
type Operator = Pick<ConnectionLike, 'operatorService'>;

interface InvalidAttributes {
  missing: Attribute[];
  mistyped: Attribute[];
  /** Why the server lists none of them to these credentials: all may be there. */
  unlisted: string | null;
}

/** Attributes that are not registered in the namespace, and those registered with another type: a run that sets one of either hangs. */
export async function invalidSearchAttributes(
  temporal: Operator,
  namespace: string,
  required: Attribute[],
): Promise<InvalidAttributes> {
  const listed = await listAttributes(temporal, namespace);
  if (typeof listed === 'string') return { missing: [], mistyped: [], unlisted: listed };
  const { customAttributes } = listed;
  const isRegistered = ({ name }: Attribute) => customAttributes[name] !== undefined;
  return {
    missing: required.filter((one) => !isRegistered(one)),
    mistyped: required.filter((one) => isRegistered(one) && customAttributes[one.name] !== valueType(one.type)),
    unlisted: null,
  };
}

/** Temporal Cloud lists and adds them on its web page and in tcld, and by API for some credentials only. */
async function listAttributes({ operatorService }: Operator, namespace: string) {
  try {
    return await operatorService.listSearchAttributes({ namespace });
  } catch (error) {
    const refusal = deniedOrUnsupported(error);
    if (refusal === null) throw error;
    return refusal;
  }
}

/** Registers the missing attributes and resolves to their names; `unlisted`: why it is not known which are missing. Safe to repeat.
 * @throws {InvalidInput} for one that is registered with another type, which the server would keep silently. */
export async function registerSearchAttributes(
  temporal: Operator,
  namespace: string,
  required: Attribute[],
): Promise<{ added: string[]; unlisted: string | null }> {
  const { missing, mistyped, unlisted } = await invalidSearchAttributes(temporal, namespace, required);
  const [mismatch] = mistyped;
  if (mismatch)
    throw new InvalidInput(
      `search attribute ${mismatch.name} of namespace ${namespace} is not ${mismatch.type}: remove it (temporal operator search-attribute remove) or use another namespace`,
    );
  if (missing.length > 0)
    await temporal.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map(({ name, type }) => [name, valueType(type)])),
    });
  return { added: missing.map(({ name }) => name), unlisted };
}

/** Who can register attributes where these credentials cannot. */
export const registerByHand = (required: Attribute[]) =>
  `on Temporal Cloud use its web page or tcld, elsewhere ask an administrator: ${required.map(({ name, type }) => `${name} as ${type}`).join(', ')}`;

function valueType(type: SearchAttributeType) {
  const value = encodeSearchAttributeIndexedValueType(type);
  if (value === undefined) throw new Error(`search attribute type ${type} is unknown to this SDK`);
  return value;
}

/** Temporal's minimum; less would lose a release before the next working day. */
const MIN_RETENTION_MS = 24 * 3_600_000;

/** How long a namespace keeps ended runs, in milliseconds.
 * @throws {InvalidInput} */
export function parseRetention(text: string): number {
  const ms = parseDuration(text);
  if (ms >= MIN_RETENTION_MS) return ms;
  throw new InvalidInput(
    `--retention must be at least ${formatDuration(MIN_RETENTION_MS)}, got ${text}: rollback and status read ended runs`,
  );
}

/** Changes how long the namespace keeps ended runs and resolves to the previous value, both in milliseconds. */
export async function changeRetention({ options, workflowService }: Client, ms: number): Promise<number> {
  const { namespace } = options;
  const { config } = await workflowService.describeNamespace({ namespace });
  const before = tsToMs(config?.workflowExecutionRetentionTtl);
  if (before !== ms)
    await workflowService.updateNamespace({ namespace, config: { workflowExecutionRetentionTtl: msToTs(ms) } });
  return before;
}

/** Schedules the comparison of registry and ledger every five minutes. True if the schedule existed: it is overwritten. */
export async function scheduleDriftCheck(client: Client, lane: Lane): Promise<boolean> {
  const workflowId = checkDriftId(lane);
  const options: ScheduleOptions = {
    scheduleId: workflowId,
    spec: { intervals: [{ every: '5m' }] },
    action: { type: 'startWorkflow', workflowType: WORKFLOWS.drift, workflowId, taskQueue: taskQueue(lane), args: [] },
    policies: { overlap: 'SKIP', catchupWindow: '1m' },
  };
  try {
    await client.schedule.create(options);
    return false;
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await client.schedule.getHandle(workflowId).update((before) => ({ ...options, state: before.state }));
    return true;
  }
}
