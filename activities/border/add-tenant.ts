import { InvalidInput } from '../../src/contract/brand.js';
import { addTenantId, WORKFLOWS } from '../../src/contract/ids.js';
import { parseSlug, type Slug } from '../../src/contract/tenants/added.js';
import type { ActivityDependencies } from '../dependencies.js';
import type { createAddTenantActivities } from '../fleet/add-tenant.js';
import type { Caller } from './caller.js';
import * as read from './readers.js';
import type { Borders } from './with-borders.js';

const from = [WORKFLOWS.add] as const;

/** A run changes the org that its workflow id names, and no other. */
const check = ({ config }: ActivityDependencies, { workflowId }: Caller, slug: Slug) => {
  if (workflowId !== addTenantId(config.lane, slug))
    throw new InvalidInput(`${workflowId} is not ${addTenantId(config.lane, slug)}`);
};

/** Borders of the activities that add a tenant. */
export const ADD_TENANT_BORDERS: Borders<ReturnType<typeof createAddTenantActivities>> = {
  loadAddPlan: { from, args: [parseSlug], check },
  takeUpOrg: { from, args: [parseSlug], check },
  markOrg: { from, args: [parseSlug, read.flag], check },
  deleteOrg: { from, args: [parseSlug], check },
  provisionOrg: { from, args: [parseSlug], check },
  awaitInstance: { from, args: [parseSlug, read.moment], check },
  storeToken: { from, args: [parseSlug], check },
  checkNewTenant: { from, args: [parseSlug, read.flag, read.moment], check },
  joinFleet: { from, args: [parseSlug], check },
};
