import type { DeliveredEvent } from '../contract/events.js';
import type { Lane } from '../contract/ids.js';
import { stagingTag } from '../contract/image.js';

/** What the CloudEvents of a gate have in common. */
export interface CloudEventContext {
  lane: Lane;
  namespace: string;
  /** Images of the gate. */
  images: readonly string[];
}

/** Type of an event that CDEvents has none for. */
export const OWN = 'canary-release-gate.';
/** Version of CDEvents whose types are used. */
const CDEVENTS = '0.4.1';

/** CDEvents types of the events that have one, if their run moved anything. */
export const CDEVENTS_TYPES = {
  promoted: 'dev.cdevents.service.upgraded.0.2.0',
  'rolled-back': 'dev.cdevents.service.rolledback.0.2.0',
} as const;

/** An event as a CloudEvent 1.0. Its data is the event itself, or, of a CDEvents type, the CDEvent with the event as `customData`. */
export function cloudEventOf(event: DeliveredEvent, { lane, namespace, images }: CloudEventContext) {
  const source = `/canary-release-gate/${encodeURIComponent(namespace)}/${lane || 'default'}`;
  const isMove = (event.type === 'promoted' || event.type === 'rolled-back') && event.moved !== false;
  const type = isMove ? CDEVENTS_TYPES[event.type] : `${OWN}${event.type}`;
  const envelope = {
    specversion: '1.0',
    id: event.id,
    source,
    type,
    time: event.at,
    subject: event.sha ?? event.workflowId,
    datacontenttype: 'application/json',
  } as const;
  if (!isMove) return { ...envelope, data: event };
  const { kept = [] } = event;
  const artifactIds = images.filter((image) => !kept.includes(image)).map((image) => purlOf(image, event.sha ?? ''));
  const subject = {
    id: `${source}/latest`,
    source,
    type: 'service',
    content: { environment: { id: 'production' }, artifactId: artifactIds[0] ?? '' },
  };
  const context = { version: CDEVENTS, id: event.id, source, type, timestamp: event.at };
  const customData = { event, artifactIds };
  return { ...envelope, data: { context, subject, customData, customDataContentType: 'application/json' } };
}

/** Package URL of one image of a build: by its tag, which the gate never moves. */
function purlOf(image: string, sha: string): string {
  const name = image.split('/').at(-1) ?? '';
  return `pkg:oci/${name}?repository_url=${encodeURIComponent(image)}&tag=${stagingTag(sha)}`;
}
