import { parseCanaryTag, parsePromoteTag } from '../contract/image.js';
import { list, parseImages, parseRegistryHosts } from './parsers.js';
import { orNull, parsed, setting } from './setting.js';

/** What `CANARY_IMAGES` looks like. */
export const EXAMPLE_IMAGES = 'ghcr.io/acme/platform,ghcr.io/acme/platform-tenant';

/** Settings about images, their registries and their tags. */
export const IMAGE_SETTINGS = {
  images: setting(
    'CANARY_IMAGES',
    `The images that move together, at most 20, e.g. \`${EXAMPLE_IMAGES}\`. Required: a default would be written to. \`#optional\` at the end of one: a build may have no image of it, which then keeps its \`:latest\` (docs/protocol.md).`,
    parsed(parseImages).prefault(''),
  ),
  insecureRegistries: setting(
    'CANARY_INSECURE_REGISTRIES',
    'Registries, `host` or `host:port`, that speak https with a certificate of any authority, or plain http: anyone on the way can read and change what goes there, passwords too. Separated by commas.',
    parsed(parseRegistryHosts).prefault(''),
  ),
  helperEnv: setting(
    'CANARY_CREDENTIAL_HELPER_ENV',
    'Variables that a credential helper of Docker gets besides `PATH`, `HOME`, `DOCKER_CONFIG`, `XDG_*`, proxies and those of its cloud (`AWS_*`, `GOOGLE_*`, `CLOUDSDK_*`, `AZURE_*`), for one that reads its login from there.',
    parsed(list).prefault(''),
  ),
  canaryTag: setting(
    'CANARY_TAG',
    'A moving tag, e.g. `canary`, that the release which holds the lane points at its build, for tenants whose `TENANT_IMAGE` names it. Unset: the canary tenants are updated by other means. `latest`, `staging-*` and `canary-ledger*` are refused.',
    orNull(parsed(parseCanaryTag)),
  ),
  promoteTag: setting(
    'CANARY_PROMOTE_TAG',
    'The tag that production follows, and that a promotion moves. Texts call it `:latest` whatever its name. Every worker and every machine that runs `setup`, `lane adopt`, `doctor`, a dry run or `rollback --direct` needs the same one; after a change the next release is held as `latest-moved`: `canary lane adopt`.',
    parsed(parsePromoteTag).prefault('latest'),
  ),
};
