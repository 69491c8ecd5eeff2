import * as z from 'zod';
import { shown } from '../../contract/brand.js';
import { TENANT_NAME } from '../../contract/tenants/quarantine.js';

export const SOURCE_FORMS = '{ "env": "NAME" } or { "file": "PATH" }';

/** Error of a required value: that it is missing, or what it must be. */
export const missingOr = (expected: string) => ({
  error: ({ input }: { input?: unknown }) => `${input === undefined ? 'is missing:' : 'must be'} ${expected}`,
});

/** Where the text of a secret is: never in the fleet file itself. */
const SOURCE = z
  .union(
    [
      z
        .strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of a variable') })
        .meta({ description: 'An environment variable of the worker' }),
      z
        .strictObject({ file: z.string().min(1) })
        .meta({ description: 'A file; relative to the folder of the fleet file' }),
    ],
    `must be ${SOURCE_FORMS}: a fleet file contains no secret`,
  )
  .meta({ description: 'Where the secret is; its trailing newline does not count' });

/** The fleet file; published as docs/fleet.schema.json. */
export const FLEET_FILE = z
  .strictObject(
    {
      $schema: z.string('must be a string').optional(),
      tenants: z
        .array(
          z.strictObject(
            {
              name: z
                .string('must be a string, e.g. canary-eu')
                .regex(TENANT_NAME, 'must be up to 63 letters, digits, dots, dashes and underscores, e.g. canary-eu')
                .optional()
                .meta({
                  description:
                    'Its name in reports, public ones included; default: canary-1, canary-2, ... by position',
                }),
              url: z
                .string(missingOr('an address, e.g. https://canary-1.example.com'))
                .meta({ description: 'Its origin: https, or http to this machine' }),
              token: SOURCE.optional().meta({
                description: 'The admin token; a production tenant needs none, a canary tenant does',
              }),
              headers: z
                .record(
                  z.string(),
                  z.union([z.string(), SOURCE], 'must be a string, { "env": "NAME" } or { "file": "PATH" }'),
                  'must be an object of names and values',
                )
                .optional()
                .meta({ description: 'Sent with every request and kept secret, e.g. X-Molecule-Org-Id' }),
              tokenHeader: z.string('must be a string, e.g. X-Admin-Token').optional().meta({
                description: 'Header that carries the token as it is; default: Authorization, as a Bearer token',
              }),
              basicAuth: SOURCE.optional().meta({
                description:
                  'user:password of a proxy or gateway before the tenant. A token beside it needs tokenHeader',
              }),
              tls: z
                .strictObject(
                  {
                    ca: SOURCE.optional().meta({ description: 'Its authorities, as PEM, besides the usual ones' }),
                    cert: SOURCE.optional().meta({ description: 'Client certificate with its chain, as PEM' }),
                    key: SOURCE.optional().meta({ description: 'Key of the client certificate, as PEM' }),
                  },
                  objectError('must be an object with ca, or with cert and key, or all three'),
                )
                .optional()
                .meta({ description: 'What its TLS connections need' }),
              proxy: z
                .union([z.string(), SOURCE], `must be none, the address of a proxy, or ${SOURCE_FORMS}`)
                .optional()
                .meta({
                  description:
                    'none, or the address of its proxy; one with a login in a variable or a file. Default: HTTPS_PROXY, HTTP_PROXY and NO_PROXY',
                }),
              buildProbe: z.string('must be a string, e.g. /health#sha').optional().meta({
                description: 'Where it reports its build, e.g. /health#sha, or none; default: CANARY_BUILD_PROBE',
              }),
            },
            objectError('must be a tenant, e.g. { "url": "https://canary-1.example.com", "token": { "env": "NAME" } }'),
          ),
          missingOr('an array of tenants'),
        )
        .meta({ description: 'The tenants' }),
    },
    objectError('must be an object, e.g. { "tenants": [] }'),
  )
  .meta({
    title: 'Fleet',
    description:
      'The tenants of CANARY_FLEET_FILE, read again for each release, or of CANARY_PROD_FLEET_FILE, read again for each watch',
  });

export type Entry = z.infer<typeof FLEET_FILE>['tenants'][number];

/** A place where the text of a secret is. */
export type Source = z.infer<typeof SOURCE>;

/** Whether a text of JSON has the one name that objects and schemas pass over in silence. */
export const namesPrototype = (text: string): boolean => /"__proto__"\s*:/.test(text);

/** Names of fields that are shown; a file may have thousands. */
const MAX_NAMED = 5;

/** Error of an object: the fields that are not known, or what it should be. */
export function objectError(otherwise: string) {
  return {
    error: (issue: { code?: string | undefined; keys?: string[] }) =>
      issue.code === 'unrecognized_keys' ? `has ${named(issue.keys ?? [])}, which is not known` : otherwise,
  };
}

const named = (keys: string[]) =>
  [
    ...keys.slice(0, MAX_NAMED).map(shown),
    ...(keys.length > MAX_NAMED ? [`${keys.length - MAX_NAMED} more`] : []),
  ].join(', ');
