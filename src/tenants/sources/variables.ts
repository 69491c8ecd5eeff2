/** The variables that configure the canary fleet. A gate that has one of them inherits none of the others: a token of one source must not reach another. */
export const FLEET_VARIABLES = [
  'CANARY_TENANT_URLS',
  'CANARY_ADMIN_TOKENS',
  'CANARY_ADMIN_TOKENS_FILE',
  'CANARY_FLEET_FILE',
  'CANARY_FLEET_URL',
  'CANARY_FLEET_TOKEN',
  'CANARY_FLEET_TOKEN_FILE',
  'CANARY_FLEET_COMMAND',
  'CANARY_FLEET_COMMAND_ENV',
  'CANARY_FLEET_SECRETS',
  'CANARY_FLEET_CONTROL_PLANE',
] as const;

/** The variables that name the control plane and its secrets; they go together for the same reason. */
export const CONTROL_PLANE_VARIABLES = [
  'CANARY_CP_BASE_URL',
  'CANARY_CP_ADMIN_TOKEN',
  'CANARY_CP_ADMIN_TOKEN_FILE',
  'CANARY_CP_SHARED_SECRET',
  'CANARY_CP_SHARED_SECRET_FILE',
  'CANARY_CP_TENANT_URL',
  'CANARY_SECRET_COMMAND',
  'CANARY_SECRET_COMMAND_ENV',
] as const;

/** The variables that say how production takes a build; they need the control plane. */
const DELIVERY_VARIABLES = [
  'CANARY_DELIVERY',
  'CANARY_DELIVERY_CANARY',
  'CANARY_DELIVERY_SOAK',
  'CANARY_DELIVERY_BATCH',
] as const;

/** The environment without the canary fleet and the control plane, for commands that do not need it: an invalid fleet must not stop them. */
export function withoutFleet<E extends Readonly<Record<string, string | undefined>>>(env: E) {
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name]) => ![...FLEET_VARIABLES, ...CONTROL_PLANE_VARIABLES, ...DELIVERY_VARIABLES].some((one) => one === name),
    ),
  );
}
