import type { ConnectionLike } from '@temporalio/client';
import type { SearchAttributeType } from '@temporalio/common';
import { encodeSearchAttributeIndexedValueType } from '@temporalio/common/lib/search-attributes.js';
import { InvalidInput } from '../domain/brand.js';

export interface Attribute {
  name: string;
  type: SearchAttributeType;
}
type Operator = Pick<ConnectionLike, 'operatorService'>;

/** What is not registered in the namespace, and what is there with another type: a run that sets one of either hangs. */
export async function unfitSearchAttributes(
  temporal: Operator,
  namespace: string,
  wanted: Attribute[],
): Promise<{ missing: Attribute[]; mistyped: Attribute[] }> {
  const { customAttributes } = await temporal.operatorService.listSearchAttributes({ namespace });
  const there = ({ name }: Attribute) => customAttributes[name] !== undefined;
  return {
    missing: wanted.filter((one) => !there(one)),
    mistyped: wanted.filter((one) => there(one) && customAttributes[one.name] !== valueType(one.type)),
  };
}

/** The names that are not registered in the namespace. */
export async function missingSearchAttributes(...asked: Parameters<typeof unfitSearchAttributes>): Promise<string[]> {
  return (await unfitSearchAttributes(...asked)).missing.map(({ name }) => name);
}

/** Registers what is missing; gives back which. Safe to repeat.
 * @throws {InvalidInput} for one that is there with another type, which the server would keep in silence. */
export async function registerSearchAttributes(
  temporal: Operator,
  namespace: string,
  wanted: Attribute[],
): Promise<string[]> {
  const { missing, mistyped } = await unfitSearchAttributes(temporal, namespace, wanted);
  const [other] = mistyped;
  if (other)
    throw new InvalidInput(
      `search attribute ${other.name} of namespace ${namespace} is not ${other.type}: remove it (temporal operator search-attribute remove) or use another namespace`,
    );
  if (missing.length > 0)
    await temporal.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map(({ name, type }) => [name, valueType(type)])),
    });
  return missing.map(({ name }) => name);
}

function valueType(type: SearchAttributeType) {
  const value = encodeSearchAttributeIndexedValueType(type);
  if (value === undefined) throw new Error(`search attribute type ${type} is unknown to this SDK`);
  return value;
}
