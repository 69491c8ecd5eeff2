import * as z from 'zod';

// What the control plane answers, as the seed's page has it. Fields that it has besides are ignored.

const ORG = z.object({
  id: z.string().min(1),
  slug: z.string().min(1),
  /** `running`, `failed`, or a step before; null or empty before the first provision. */
  instance_status: z.string().nullable(),
  /** Whether it is provisioned into the canary account; a list may leave it out. */
  is_canary: z.boolean().optional(),
  /** Why the instance failed, if the control plane says so. */
  instance_error: z.string().optional(),
  /** Where the tenant answers, if the control plane says so. */
  url: z.string().optional(),
});

/** An org of the control plane. */
export type Org = z.infer<typeof ORG>;

export const ORGS = z.object({ orgs: z.array(ORG) });
const RESULT = z.object({
  slug: z.string(),
  phase: z.string(),
  ssm_status: z.string().nullish(),
  ssm_exit_code: z.number().nullish(),
  healthz_ok: z.boolean().nullish(),
  error: z.string().nullish(),
});

/** What `redeploy-fleet` did on each tenant. */
export const REDEPLOYED = z.object({ ok: z.boolean(), results: z.array(RESULT) });
export type Redeployed = z.infer<typeof REDEPLOYED>;

export const ADMIN_TOKEN = z.object({ admin_token: z.string().trim().min(1) });

/** An answer whose content nothing depends on. */
export const ANY = z.unknown();

/** What differs from a schema, e.g. `orgs[0].instance_status is missing`; nothing of the answer itself. */
export function differences({ issues }: z.ZodError, answer: unknown): string {
  const shown = issues.slice(0, 3).map(({ path, message }) => {
    const isMissing = valueAt(answer, path) === undefined;
    const expected = message.replace(/^Invalid input: /, '').replace(/, received .*$/, '');
    return `${fieldOf(path)} ${isMissing ? 'is missing' : `is invalid (${expected})`}`;
  });
  return [...shown, ...(issues.length > 3 ? [`and ${issues.length - 3} more`] : [])].join(', ');
}

const fieldOf = (path: readonly PropertyKey[]) =>
  path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '') || 'the answer';

const valueAt = (answer: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((value, key) => Object(value)[key], answer);
