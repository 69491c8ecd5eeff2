import type { ConnectionLike } from '@temporalio/client';
import type { SearchAttributeType } from '@temporalio/common';
import { encodeSearchAttributeIndexedValueType } from '@temporalio/common/lib/search-attributes.js';
import { InvalidInput } from '../domain/brand.js';

export interface Attribute {
  name: string;
  type: SearchAttributeType;
}
type Operator = Pick<ConnectionLike, 'operatorService'>;

/** The names that are not registered in the namespace. */
export async function missingSearchAttributes(
  temporal: Operator,
  namespace: string,
  wanted: Attribute[],
): Promise<string[]> {
  const { customAttributes } = await temporal.operatorService.listSearchAttributes({ namespace });
  return wanted.filter(({ name }) => customAttributes[name] === undefined).map(({ name }) => name);
}

/** Registers what is missing; gives back which. Safe to repeat.
 * @throws {InvalidInput} for one that is there with another type, which the server would keep in silence. */
export async function registerSearchAttributes(
  temporal: Operator,
  namespace: string,
  wanted: Attribute[],
): Promise<string[]> {
  const { customAttributes } = await temporal.operatorService.listSearchAttributes({ namespace });
  const other = wanted.find(({ name, type }) => (customAttributes[name] ?? valueType(type)) !== valueType(type));
  if (other)
    throw new InvalidInput(
      `search attribute ${other.name} of namespace ${namespace} is not ${other.type}: remove it (temporal operator search-attribute remove) or use another namespace`,
    );
  const missing = wanted.filter(({ name }) => customAttributes[name] === undefined);
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
